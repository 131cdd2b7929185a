/* Beside libsecp256k1 and schnorr.c: signs events, and exports what schnorr.mjs measures. */

/* The library, for signing. It prints only when it is broken, and wasm32 has no libc. */
#define printf(...)
#include "secp256k1.c"

#define S(name) rustsecp256k1_v0_14_##name

#define EXPORT(name) __attribute__((export_name(#name)))
#define EVENTS 256

/* What the library needs of libc. Not builtins, or clang would make calls of these very functions out of their loops. */
#define PLAIN __attribute__((no_builtin))
PLAIN void *memset(void *to, int byte, size_t n) {
    unsigned char *x = to;
    while (n-- > 0) *x++ = byte;
    return to;
}
PLAIN void *memcpy(void *to, const void *from, size_t n) {
    unsigned char *x = to;
    const unsigned char *y = from;
    while (n-- > 0) *x++ = *y++;
    return to;
}
PLAIN void *memmove(void *to, const void *from, size_t n) {
    unsigned char *x = to;
    const unsigned char *y = from;
    if (x < y) return memcpy(to, from, n);
    while (n-- > 0) x[n] = y[n];
    return to;
}
PLAIN int memcmp(const void *a, const void *b, size_t n) {
    const unsigned char *x = a, *y = b;
    for (; n > 0; n--, x++, y++) {
        if (*x != *y) return *x - *y;
    }
    return 0;
}

/* As in schnorr.c. */
struct ferry_term { unsigned char r[64], p[64], s[32], e[32], a[32]; };
void ferry_schnorr_prepare(void);
int ferry_schnorr_lift_x(unsigned char *point, const unsigned char *x);
int ferry_schnorr_verify(const unsigned char *p, const unsigned char *r, const unsigned char *s, const unsigned char *e);
int ferry_schnorr_sum(unsigned char *sum, const struct ferry_term *terms, size_t n, void *scratch, size_t scratch_bytes);

void S(default_illegal_callback_fn)(const char *message, void *data) { (void)message; (void)data; __builtin_trap(); }
void S(default_error_callback_fn)(const char *message, void *data) { (void)message; (void)data; __builtin_trap(); }

static struct { unsigned char sig[64], id[32], pubkey[32]; } events[EVENTS];
static struct ferry_term terms[EVENTS];
static unsigned char scratch[1 << 21] __attribute__((aligned(64)));
static unsigned char memory_of_context[4096] __attribute__((aligned(16)));
static const S(context) *context;

/* SplitMix64. */
static uint64_t state = 1;
static unsigned char random_byte(void) {
    uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static void challenge(unsigned char *e, int at) {
    S(scalar) scalar;
    S(schnorrsig_challenge)(S(get_hash_context)(context), &scalar, events[at].sig, events[at].id, 32, events[at].pubkey);
    S(scalar_get_b32)(e, &scalar);
}

/* Signs EVENTS events, each by an author of its own. Returns 1 if all went well. */
EXPORT(setup) int setup(void) {
    size_t i, j;
    ferry_schnorr_prepare();
    if (S(context_preallocated_size)(SECP256K1_CONTEXT_NONE) > sizeof(memory_of_context)) return 0;
    context = S(context_preallocated_create)(memory_of_context, SECP256K1_CONTEXT_NONE);
    for (i = 0; i < EVENTS; i++) {
        unsigned char secret[32];
        S(keypair) keypair;
        S(xonly_pubkey) pubkey;
        struct ferry_term *term = &terms[i];
        for (j = 0; j < 32; j++) {
            secret[j] = random_byte();
            events[i].id[j] = random_byte();
        }
        if (!S(keypair_create)(context, &keypair, secret)) return 0;
        S(keypair_xonly_pub)(context, &pubkey, NULL, &keypair);
        S(xonly_pubkey_serialize)(context, events[i].pubkey, &pubkey);
        S(schnorrsig_sign32)(context, events[i].sig, events[i].id, &keypair, NULL);
        if (!ferry_schnorr_lift_x(term->r, events[i].sig) || !ferry_schnorr_lift_x(term->p, events[i].pubkey)) return 0;
        memcpy(term->s, events[i].sig + 32, 32);
        challenge(term->e, i);
        for (j = 16; j < 32; j++) term->a[j] = random_byte();
        term->a[16] &= 0x7f;
    }
    return 1;
}

/* Spoils event `at`, or makes it good again. */
EXPORT(flip) void flip(int at) {
    events[at].sig[63] ^= 1;
    terms[at].s[31] ^= 1;
}

/* The check of one event, from its bytes. */
EXPORT(one) int one(int at) {
    unsigned char p[64], e[32];
    challenge(e, at);
    return ferry_schnorr_lift_x(p, events[at].pubkey) && ferry_schnorr_verify(p, events[at].sig, events[at].sig + 32, e);
}

/* The same by libsecp256k1's own function and table. */
EXPORT(library) int library(int at) {
    S(xonly_pubkey) pubkey;
    return S(xonly_pubkey_parse)(context, &pubkey, events[at].pubkey)
        && S(schnorrsig_verify)(context, events[at].sig, events[at].id, 32, &pubkey);
}

/* What a batch adds for each event: its R, lifted. */
EXPORT(lift) int lift(int at) {
    unsigned char point[64];
    return ferry_schnorr_lift_x(point, events[at].sig);
}

/* The equation of `n` events from `at` on, their points lifted before. */
EXPORT(sum) int sum(int at, int n) {
    static const unsigned char zero[64];
    unsigned char total[64];
    return ferry_schnorr_sum(total, terms + at, n, scratch, sizeof(scratch)) && memcmp(total, zero, 64) == 0;
}
