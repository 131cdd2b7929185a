/* BIP-340 checks over libsecp256k1's arithmetic: of one signature, and one equation for many.
 *
 * libsecp256k1 has fast code for "sum of many (number x point)", but offers no
 * function for it: all of it is `static` in its headers. This file includes those
 * headers, from the copy that the crate secp256k1-sys carries, and adds the six
 * functions that shim.rs declares. Everything else in here stays `static`, so that
 * no symbol is defined twice. It also checks single signatures, though the library has a
 * function for that: only so can they use the table below.
 *
 * Only public data passes through: nothing needs constant time or wiping.
 * There is no allocation: the caller lends the memory.
 *
 * Points travel as 64 bytes in libsecp256k1's own layout (`ge_to_bytes_ext`), which
 * differs between machines: they must never leave the process. The point at infinity,
 * the group's zero, is 64 zero bytes.
 */

#include "assumptions.h"
#include "checkmem.h"
#include "util.h"
#include "int128_impl.h"
#include "field_impl.h"
#include "scalar_impl.h"
#include "group_impl.h"
#include "scratch_impl.h"

/* The odd multiples of G, and of 2^128 G, up to 2^(ECMULT_WINDOW_SIZE - 1).
 *
 * The library has them as constants, which a download cannot compress. Here they are computed when
 * first needed: some 500 additions, less than a millisecond. So the window may also be larger than one
 * would ship; docs/BENCHMARKS.md has what others gain. The guard keeps the library's own declarations out. */
#undef ECMULT_WINDOW_SIZE
#define ECMULT_WINDOW_SIZE 10
#define SECP256K1_PRECOMPUTED_ECMULT_H
#define WINDOW_G ECMULT_WINDOW_SIZE
#include "ecmult.h"

/* secp256k1-sys puts its version before each name. */
#define S(name) rustsecp256k1_v0_14_##name

static S(ge_storage) S(pre_g)[ECMULT_TABLE_SIZE(WINDOW_G)];
static S(ge_storage) S(pre_g_128)[ECMULT_TABLE_SIZE(WINDOW_G)];

#include "ecmult_impl.h"
#include "ecmult_compute_table_impl.h"

/* One signature's part of the equation. shim.rs mirrors this layout: bytes only, no padding. */
struct ferry_term {
    unsigned char r[64]; /* the nonce point R, lifted from the signature's first half */
    unsigned char p[64]; /* the author's point P, lifted from the pubkey */
    unsigned char s[32]; /* the signature's second half, checked by the caller to be below the group order */
    unsigned char e[32]; /* the challenge hash, not yet reduced */
    unsigned char a[32]; /* the random coefficient, below 2^127 */
};

/* A number and the point it multiplies. */
struct ferry_product {
    S(scalar) scalar;
    S(ge) point;
};

/* BIP-340's lift_x: the point with this x and an even y, as `point`.
 * Returns 0 if x is not below the field's prime or is on no point of the curve. */
int ferry_schnorr_lift_x(unsigned char *point, const unsigned char *x) {
    S(fe) fe;
    S(ge) ge;
    if (!S(fe_set_b32_limit)(&fe, x)) return 0;
    if (!S(ge_set_xo_var)(&ge, &fe, 0)) return 0;
    S(ge_to_bytes)(point, &ge);
    return 1;
}

/* Computes the table of G. To be called once, before any of the two functions that say so. */
void ferry_schnorr_prepare(void) {
    S(ecmult_compute_two_tables)(S(pre_g), S(pre_g_128), WINDOW_G, &S(ge_const_g));
}

/* BIP-340's Verify, from where the pubkey has been lifted to `p`: `r` and `s` are the signature's halves, `e` the
 * challenge hash. Word for word what the library's `schnorrsig_verify` does. Needs the table of G. */
int ferry_schnorr_verify(const unsigned char *p, const unsigned char *r, const unsigned char *s, const unsigned char *e) {
    S(fe) r_x;
    S(scalar) of_g, of_p;
    S(ge) point;
    S(gej) sum;
    int overflow;

    if (!S(fe_set_b32_limit)(&r_x, r)) return 0;
    S(scalar_set_b32)(&of_g, s, &overflow);
    if (overflow) return 0;
    /* NULL: reduce silently, as BIP-340 does with e. */
    S(scalar_set_b32)(&of_p, e, NULL);

    /* R = s*G - e*P, which must be no infinity, have an even y, and the x that is claimed. */
    S(scalar_negate)(&of_p, &of_p);
    S(ge_from_bytes)(&point, p);
    S(gej_set_ge)(&sum, &point);
    S(ecmult)(&sum, &sum, &of_p, &of_g);
    S(ge_set_gej_var)(&point, &sum);
    if (S(ge_is_infinity)(&point)) return 0;
    S(fe_normalize_var)(&point.y);
    return !S(fe_is_odd)(&point.y) && S(fe_equal)(&r_x, &point.x);
}

/* How many bytes of scratch memory `ferry_schnorr_sum` needs for `n` terms. */
size_t ferry_schnorr_scratch_bytes(size_t n) {
    /* Each term adds R, and P unless the term before it had the same author. */
    const size_t points = 2 * n;
    const size_t few = points < ECMULT_PIPPENGER_THRESHOLD ? points : ECMULT_PIPPENGER_THRESHOLD;
    const size_t strauss = S(strauss_scratch_size)(few);
    /* The real number of points, and with it the window, is known only later. A small
     * window needs the largest entries and a large one the most buckets, so take both. */
    const size_t pippenger = S(pippenger_scratch_size)(points, S(pippenger_bucket_window)(ECMULT_PIPPENGER_THRESHOLD))
        + (sizeof(S(gej)) << S(pippenger_bucket_window)(points));
    /* Each allocation is rounded up to ALIGNMENT; `1 +` is for our own list of products. */
    return points * sizeof(struct ferry_product) + (strauss > pippenger ? strauss : pippenger)
        + (1 + PIPPENGER_SCRATCH_OBJECTS + STRAUSS_SCRATCH_OBJECTS) * ALIGNMENT;
}

/* libsecp256k1 calls this only if the scratch space is not one, which `ferry_schnorr_sum` rules out. */
static void ferry_on_error(const char *message, void *data) {
    (void)message;
    (void)data;
    __builtin_trap();
}

/* Hands libsecp256k1 the product number `at`. */
static int ferry_product_at(S(scalar) *scalar, S(ge) *point, size_t at, void *products) {
    const struct ferry_product *product = (const struct ferry_product *)products + at;
    *scalar = product->scalar;
    *point = product->point;
    return 1;
}

static void ferry_write(unsigned char *bytes, S(gej) *point) {
    S(ge) ge;
    S(ge_set_gej_var)(&ge, point);
    S(ge_to_bytes_ext)(bytes, &ge);
}

/* Sets `sum` to zero if the signatures hold, all of them together, else to some other point.
 *
 * A signature holds if s*G = R + e*P. With a coefficient a for each, that its signer
 * could not foresee, all of them hold (but for one chance in 2^127) exactly if
 *
 *     sum(a*R) + sum over authors(sum(a*e) * P) - sum(a*s) * G  =  the point at infinity.
 *
 * Terms of one author must stand side by side to share their P; elsewhere they only cost time.
 * `scratch` must be aligned to ALIGNMENT. Needs the table of G. Returns 0, `sum` untouched, if `scratch_bytes` is too small. */
int ferry_schnorr_sum(unsigned char *sum, const struct ferry_term *terms, size_t n, void *scratch, size_t scratch_bytes) {
    const S(callback) on_error = { ferry_on_error, NULL };
    S(scratch) space = { { 's', 'c', 'r', 'a', 't', 'c', 'h', 0 }, scratch, 0, scratch_bytes };
    struct ferry_product *products = S(scratch_alloc)(&on_error, &space, 2 * n * sizeof(*products));
    size_t used = 0;
    size_t i;
    S(scalar) of_g, of_p;
    S(gej) total;
    int computed;

    if (products == NULL) return 0;

    S(scalar_set_int)(&of_g, 0);
    S(scalar_set_int)(&of_p, 0);
    for (i = 0; i < n; i++) {
        const struct ferry_term *term = &terms[i];
        S(scalar) a, s, e;
        /* NULL: reduce silently. Only e can be at or over the group order, and BIP-340 reduces it. */
        S(scalar_set_b32)(&a, term->a, NULL);
        S(scalar_set_b32)(&s, term->s, NULL);
        S(scalar_set_b32)(&e, term->e, NULL);

        products[used].scalar = a;
        S(ge_from_bytes)(&products[used].point, term->r);
        used++;

        S(scalar_mul)(&s, &s, &a);
        S(scalar_add)(&of_g, &of_g, &s);

        S(scalar_mul)(&e, &e, &a);
        S(scalar_add)(&of_p, &of_p, &e);
        if (i + 1 == n || memcmp(term->p, terms[i + 1].p, sizeof(term->p)) != 0) {
            products[used].scalar = of_p;
            S(ge_from_bytes)(&products[used].point, term->p);
            used++;
            S(scalar_set_int)(&of_p, 0);
        }
    }
    S(scalar_negate)(&of_g, &of_g);

    /* The threshold is libsecp256k1's own; on wasm32, too, others were no better from 16 to 256 terms. */
    if (used < ECMULT_PIPPENGER_THRESHOLD) {
        computed = S(ecmult_strauss_batch_single)(&on_error, &space, &total, &of_g, ferry_product_at, products, used);
    } else {
        computed = S(ecmult_pippenger_batch_single)(&on_error, &space, &total, &of_g, ferry_product_at, products, used);
    }
    if (!computed) return 0;
    ferry_write(sum, &total);
    return 1;
}

/* Sets `rest` to whole - part: what remains of a sum without some of its terms. */
void ferry_schnorr_subtract(unsigned char *rest, const unsigned char *whole, const unsigned char *part) {
    S(ge) ge;
    S(gej) difference;
    S(ge_from_bytes_ext)(&ge, whole);
    S(gej_set_ge)(&difference, &ge);
    S(ge_from_bytes_ext)(&ge, part);
    S(ge_neg)(&ge, &ge);
    S(gej_add_ge_var)(&difference, &difference, &ge, NULL);
    ferry_write(rest, &difference);
}
