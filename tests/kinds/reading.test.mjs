// What the engine reads from an event, by kind: written by the Rust encoder, read by the page's own reader.
// The events are signed by nostr-tools; `make test` gives the program that encodes them as READING_RECORDS.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finalizeEvent, getEventHash, getPublicKey } from 'nostr-tools/pure';
import * as nip19 from 'nostr-tools/nip19';
import { MEMBERS, readAll, TABLES } from './reader.mjs';

const key = (at) => new Uint8Array(32).fill(at);
const [ME, ANN, BOB] = [1, 2, 3].map((at) => getPublicKey(key(at)));
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
const NOW = 1_700_000_000;
const INVOICE = 'lnbc10u1p3unwfusp5t9r3yymhpfqculx78u027lxspgxcr2n2987mx2j55nnfs95nxnzqpp5jmrh92pfld78spqs78v9euf2385t83uvpwk9ldrlvf6ch7tpascqhp5zvkrmemgth3tufcvflmzjzfvjt023nazlhljz2n9hattj4f8jq8qxqyjw5qcqpjrzjqtc4fc44feggv7065fqe5m4ytjarg3repr5j9el35xhmtfexc42yczarjuqqfzqqqqqqqqlgqqqqqqgq9q9qxpqysgq079nkq507a5tw7xgttmj4u990j7wfggtrasah5gd4ywfr2pjcn29383tphp4t48gquelz9z78p4cq7ml3nrrphw5w6eckhjwmhezhnqpy6gyf0';
const PROOF = {
  amount: 8,
  id: '009a1f293253e41e',
  secret: JSON.stringify(['P2PK', { nonce: 'n', data: `02${A}` }]),
  C: `02${B}`,
  dleq: { e: A, s: B, r: C },
  witness: 'w',
};
const READ_PROOF = { amount: 8, id: PROOF.id, secret: PROOF.secret, c: PROOF.C, dleq: PROOF.dleq, witness: 'w' };

function sign(kind, tags = [], content = '', by = 1) {
  return finalizeEvent({ kind, tags, content, created_at: NOW }, key(by));
}

function plain({ id, pubkey, created_at, kind, tags, content, sig }) {
  return { id, pubkey, created_at, kind, tags, content, sig };
}

/** Kinds written so far, and the fields that a written event had. */
const written = new Map();

function read(event, decrypted) {
  const [view] = readAll([{ event, decrypted }]);
  assert.deepEqual(view.toJSON(), plain(event), 'the event itself comes as it was signed');
  assert.deepEqual(view.relays, ['wss://seen.example']);
  const parsed = view.parsed;
  if (parsed) note(MEMBERS.find(([, type]) => type === parsed.type)[0], parsed);
  return view;
}

/** Remembers which fields of which tables have had a value other than the one they have when absent. */
function note(table, value) {
  for (const [field, layout] of Object.entries(TABLES[table])) {
    // Events and rumors keep the names that NIP-01 gives them.
    const found = value[field === 'createdAt' ? 'created_at' : field];
    if (found === undefined || (!layout.startsWith('?') && (found === false || found.length === 0))) continue;
    written.set(`${table}.${field}`, true);
    const type = layout.replace(/^\?/, '').replace(/^\*/, '');
    if (type in TABLES && !['Tag', 'NostrEvent', 'Filter'].includes(type)) {
      for (const item of Array.isArray(found) ? found : [found]) note(type, item);
    }
  }
}

function says(event, expected, decrypted) {
  assert.deepEqual(read(event, decrypted).parsed, expected);
}

const EVENT_TAG = ['e', A, 'wss://one.example', ANN];
const EVENT = { id: A, relay: 'wss://one.example', author: ANN };
const ADDRESS_TAG = ['a', `30023:${ANN}:on boats`, 'wss://two.example'];
const ADDRESS = { kind: 30023, pubkey: ANN, identifier: 'on boats' };
const ADDRESS_AT = { ...ADDRESS, relay: 'wss://two.example' };
const text = (words) => ({ kind: 'text', text: words, fenced: false, media: [] });
const content = (words) => ({ blocks: [text(words)] });
/** A content that is nothing but Bob's name. */
const naming = (npub) => ({ blocks: [{ ...text(npub), kind: 'nostr', entity: { type: 'npub', pubkey: BOB, relays: [] } }] });
const contact = { pubkey: ANN, relay: 'wss://p.example', petname: 'Ann' };

test('0: a profile', () => {
  const profile = {
    name: 'n', display_name: 'd', about: 'a', picture: 'https://p.example/p.png', banner: 'https://p.example/b.png',
    website: 'https://w.example', nip05: 'n@example.com', lud06: 'lnurl1', lud16: 'n@pay.example', bot: true,
    birthday: { year: 1990, month: 12, day: 31 }, github: 'g', twitter: 't', mastodon: 'm', pubkey: 'k',
  };
  const { display_name: displayName, ...rest } = profile;
  says(sign(0, [], JSON.stringify(profile)), { type: 'profile', ...rest, displayName });
  says(sign(0, [], 'no JSON'), { type: 'profile' });

  assert.equal(read(sign(0, [], '{"bot":false}')).parsed.bot, false, 'false is not absent');
});

test('1: a note', () => {
  const tags = [
    ['e', A, 'wss://one.example', 'root', ANN],
    ['e', B, '', 'reply'],
    ['e', C, '', 'mention'],
    ['q', C, 'wss://q.example', BOB],
    ['p', BOB, 'wss://p.example'],
  ];
  const npub = nip19.npubEncode(BOB);
  const event = read(sign(1, tags, `hello nostr:${npub}`));
  assert.deepEqual(event.parsed, {
    type: 'note',
    content: { blocks: [text('hello '), { kind: 'nostr', text: `nostr:${npub}`, fenced: false, media: [], entity: { type: 'npub', pubkey: BOB, relays: [] } }] },
    root: { id: A, relay: 'wss://one.example', author: ANN },
    reply: { id: B },
    mentions: [{ id: C }],
    quotes: [{ id: C, relays: ['wss://q.example'], author: BOB }],
    profiles: [{ pubkey: BOB, relays: ['wss://p.example'] }],
    recipients: [{ pubkey: BOB, relay: 'wss://p.example' }],
  });
  assert.deepEqual(event.requests, [
    { filter: { kinds: [0], authors: [ME], limit: 1 }, relays: [] },
    { filter: { ids: [B] }, relays: [] },
    { filter: { ids: [A] }, relays: ['wss://one.example'] },
    { filter: { ids: [C] }, relays: ['wss://q.example'] },
    { filter: { kinds: [0], authors: [BOB], limit: 1 }, relays: ['wss://p.example'] },
  ]);
  assert.equal(event.parsed, event.parsed, 'it is read once');
  const quoting = read(sign(1, [['q', `30023:${ANN}:on boats`]], '.'));
  assert.deepEqual(quoting.parsed.quotes, [{ address: ADDRESS, relays: [], author: ANN }]);
  assert.deepEqual(quoting.requests[1].filter, { kinds: [30023], authors: [ANN], '#d': ['on boats'], limit: 1 });
});

test('content: every block', () => {
  const imeta = ['imeta', 'url https://m.example/a.jpg', 'm image/jpeg', 'dim 640x480', 'blurhash b', 'thumbhash t', 'alt harbour', `x ${A}`, 'size 1000', 'duration 2.5', 'bitrate 3000', 'image https://m.example/small.jpg', 'fallback https://f.example/a.jpg'];
  const cashu = Buffer.from(JSON.stringify({ token: [{ mint: 'https://mint.example', proofs: [PROOF] }], unit: 'sat', memo: 'tea' })).toString('base64url');
  const secret = nip19.nsecEncode(key(9));
  const relays = ['wss://r.example'];
  const entities = [
    nip19.noteEncode(B), nip19.nprofileEncode({ pubkey: ANN, relays }), nip19.neventEncode({ id: B, relays, author: ANN, kind: 1 }),
    nip19.naddrEncode({ ...ADDRESS, relays }),
  ];
  const words = `\`\`\`rust\nlet x;\n\`\`\`\nhttps://w.example/page https://m.example/a.jpg #Harbour :boat: cashuA${cashu} ${INVOICE} wss://r.example ${secret} ${entities.join(' ')} https://m.example/1.mp4\nhttps://m.example/2.mp3 end`;
  const { blocks, shortened } = read(sign(1, [imeta, ['emoji', 'boat', 'https://e.example/b.png']], words)).parsed.content;
  assert.equal(blocks.map((block) => (block.kind === 'secret' ? secret : block.text)).join(''), words);
  const found = blocks.filter(({ kind }) => kind !== 'text').map(({ text: _, ...block }) => block);
  const all = { fenced: false, media: [] };
  const bare = { previews: [], fallbacks: [] };
  assert.deepEqual(found, [
    { ...all, kind: 'code', code: 'let x;', fenced: true, language: 'rust' },
    { ...all, kind: 'link', url: 'https://w.example/page' },
    { ...all, kind: 'media', media: [{ url: 'https://m.example/a.jpg', type: 'image', mime: 'image/jpeg', width: 640, height: 480, blurhash: 'b', thumbhash: 't', alt: 'harbour', sha256: A, size: 1000, duration: 2.5, bitrate: 3000, previews: ['https://m.example/small.jpg'], fallbacks: ['https://f.example/a.jpg'] }] },
    { ...all, kind: 'hashtag', tag: 'harbour' },
    { ...all, kind: 'emoji', shortcode: 'boat', url: 'https://e.example/b.png' },
    { ...all, kind: 'cashu', cashu: { token: `cashuA${cashu}`, mint: 'https://mint.example', amount: 8, unit: 'sat', memo: 'tea' } },
    { ...all, kind: 'invoice', amountMsat: 1_000_000 },
    { ...all, kind: 'relay', url: 'wss://r.example' },
    { ...all, kind: 'secret' },
    { ...all, kind: 'nostr', entity: { type: 'note', id: B, relays: [] } },
    { ...all, kind: 'nostr', entity: { type: 'nprofile', pubkey: ANN, relays } },
    { ...all, kind: 'nostr', entity: { type: 'nevent', id: B, pubkey: ANN, kind: 1, relays } },
    { ...all, kind: 'nostr', entity: { type: 'naddr', ...ADDRESS, relays } },
    { ...all, kind: 'media-grid', media: [{ url: 'https://m.example/1.mp4', type: 'video', ...bare }, { url: 'https://m.example/2.mp3', type: 'audio', ...bare }] },
  ]);
  assert.ok(!JSON.stringify(blocks).includes(secret), 'a secret key is masked');
  assert.ok(shortened.length > 0 && shortened.length < blocks.length);
});

test('3 and 10002: people and relays', () => {
  says(sign(3, [['p', ANN, 'wss://p.example', 'Ann'], ['p', BOB]]), { type: 'contacts', contacts: [contact, { pubkey: BOB }] });
  says(sign(10002, [['r', 'wss://a.example', 'read'], ['r', 'wss://b.example', 'write'], ['r', 'wss://c.example']]), {
    type: 'relay-list',
    relays: [
      { url: 'wss://a.example', read: true, write: false },
      { url: 'wss://b.example', read: false, write: true },
      { url: 'wss://c.example', read: true, write: true },
    ],
  });
});

test('4: a direct message, locked and open', () => {
  const ciphertext = 'AAAAAAAAAAAAAAAAAAAAAA==?iv=AAAAAAAAAAAAAAAAAAAAAA==';
  const event = sign(4, [['p', ANN], ['e', A]], ciphertext);
  const common = { type: 'direct-message', recipient: ANN, chatId: [ME, ANN].sort().join('_'), reply: A };
  says(event, { ...common, state: 'locked', ciphertext });
  says(event, { ...common, state: 'open', text: 'psst', content: content('psst') }, 'psst');
});

test('5: a deletion', () => {
  says(sign(5, [['e', A], ['a', `30023:${ME}:mine`], ['k', '1'], ['k', '30023']], 'typo'), {
    type: 'deletion', ids: [A], addresses: [{ kind: 30023, pubkey: ME, identifier: 'mine' }], kinds: [1, 30023], reason: 'typo',
  });
});

test('6 and 16: reposts', () => {
  const inner = sign(1, [['t', 'x']], 'inner', 2);
  says(sign(6, [['e', inner.id, 'wss://one.example'], ['p', ANN]], JSON.stringify(inner)), {
    type: 'repost', id: inner.id, kind: 1, author: ANN, relay: 'wss://one.example', embedded: plain(inner),
  });
  says(sign(16, [ADDRESS_TAG, ['k', '30023']]), { type: 'repost', kind: 30023, author: ANN, relay: 'wss://two.example', address: ADDRESS });
});

test('7 and 17: reactions', () => {
  const about = { event: EVENT, author: BOB, kind: 1, address: ADDRESS };
  const tags = [EVENT_TAG, ['p', BOB], ['k', '1'], ADDRESS_TAG];
  says(sign(7, tags, '+'), { type: 'reaction', reaction: 'like', content: '+', ...about });
  says(sign(7, [EVENT_TAG], '-'), { type: 'reaction', reaction: 'dislike', content: '-', event: EVENT, author: ANN });
  says(sign(7, [EVENT_TAG], '🚢'), { type: 'reaction', reaction: 'emoji', content: '🚢', event: EVENT, author: ANN });
  const emoji = ['emoji', 'boat', 'https://e.example/b.png'];
  says(sign(7, [...tags, emoji], ':boat:'), { type: 'reaction', reaction: 'custom', content: ':boat:', shortcode: 'boat', url: emoji[2], ...about });
  says(sign(17, [emoji, ['r', 'https://w.example/'], ['i', 'isbn:1', 'https://b.example'], ['k', 'isbn']], ':boat:'), {
    type: 'external-reaction', reaction: 'custom', content: ':boat:', shortcode: 'boat', emojiUrl: emoji[2],
    url: 'https://w.example/', targets: [{ id: 'isbn:1', kind: 'isbn', hint: 'https://b.example' }],
  });
});

const RUMOR = { pubkey: ME, created_at: NOW, kind: 14, tags: [['p', ANN, 'wss://p.example'], ['subject', 'boats'], EVENT_TAG], content: 'hi' };

test('13 and 1059: wraps, seals and rumors', () => {
  const seal = sign(13, [], 'sealed');
  const wrap = sign(1059, [['p', ANN, 'wss://p.example']], 'wrapped', 9);
  const recipient = { pubkey: ANN, relay: 'wss://p.example' };
  says(wrap, { type: 'gift-wrap', recipient, state: 'locked' });
  says(wrap, { type: 'gift-wrap', recipient, state: 'unreadable' }, 'no event');
  const rumor = { id: getEventHash(RUMOR), pubkey: ME, created_at: NOW, kind: 14, tags: RUMOR.tags, content: 'hi' };
  const message = { recipients: [recipient], chatId: [ME, ANN].sort().join('_'), subject: 'boats', reply: EVENT, content: content('hi') };
  says(wrap, { type: 'gift-wrap', recipient, state: 'open', rumor, message }, JSON.stringify(RUMOR));
  says(seal, { type: 'seal', state: 'locked' });
  says(seal, { type: 'seal', state: 'open', rumor, message }, JSON.stringify(RUMOR));
  const file = {
    ...RUMOR, kind: 15, content: 'https://f.example/file',
    tags: [['p', ANN], ['file-type', 'image/png'], ['encryption-algorithm', 'aes-gcm'], ['decryption-key', 'k'], ['decryption-nonce', 'n'], ['x', A], ['ox', B], ['size', '9'], ['dim', '3x4'], ['blurhash', 'b'], ['thumbhash', 't'], ['thumb', 'https://f.example/t'], ['fallback', 'https://g.example/file']],
  };
  assert.deepEqual(read(seal, JSON.stringify(file)).parsed.message.file, {
    url: 'https://f.example/file', mime: 'image/png', algorithm: 'aes-gcm', key: 'k', nonce: 'n', sha256: A, originalSha256: B, size: 9,
    width: 3, height: 4, blurhash: 'b', thumbhash: 't', thumb: 'https://f.example/t', fallbacks: ['https://g.example/file'],
  });
});

test('20 to 22: pictures and videos', () => {
  const npub = nip19.npubEncode(BOB);
  for (const kind of [20, 21, 22]) {
    const tags = [['title', 'Boats'], ['imeta', 'url https://m.example/a.jpg', 'm image/jpeg'], ['content-warning', ''], ['published_at', '5'], ['t', 'boats'], ['q', A]];
    const { parsed } = read(sign(kind, tags, npub));
    assert.deepEqual(parsed, {
      type: 'media-post', title: 'Boats', contentWarning: '', publishedAt: 5, topics: ['boats'],
      media: [{ url: 'https://m.example/a.jpg', type: 'image', mime: 'image/jpeg', previews: [], fallbacks: [] }],
      content: naming(npub), quotes: [{ id: A, relays: [] }], profiles: [{ pubkey: BOB, relays: [] }],
    });
  }

});

test('1018 and 1068: polls', () => {
  const tags = [['option', '1', 'yes'], ['option', '2', 'no'], ['polltype', 'multiplechoice'], ['relay', 'wss://r.example'], ['endsAt', '99']];
  says(sign(1068, tags, 'Boats?'), {
    type: 'poll', label: content('Boats?'), options: [{ id: '1', label: 'yes' }, { id: '2', label: 'no' }], pollType: 'multiple-choice', relays: ['wss://r.example'], endsAt: 99,
  });
  says(sign(1018, [EVENT_TAG, ['response', '2'], ['response', '1']]), { type: 'poll-response', poll: EVENT, choices: ['2', '1'] });
});

test('1111: a comment', () => {
  const npub = nip19.npubEncode(BOB);
  const tags = [
    ['A', ...ADDRESS_TAG.slice(1)], ['K', '30023'], ['P', ANN, 'wss://p.example'],
    EVENT_TAG, ['i', 'isbn:1', 'https://b.example'], ['k', '1111'], ['p', BOB], ['q', B],
  ];
  const { parsed } = read(sign(1111, tags, npub));
  assert.deepEqual(parsed, {
    type: 'comment', content: naming(npub),
    root: { address: ADDRESS_AT, kind: '30023', author: { pubkey: ANN, relay: 'wss://p.example' } },
    parent: { event: EVENT, external: 'isbn:1', hint: 'https://b.example', kind: '1111', author: { pubkey: BOB } },
    quotes: [{ id: B, relays: [] }], profiles: [{ pubkey: BOB, relays: [] }],
  });
});

test('1311 and 30311: live chat and activity', () => {
  const npub = nip19.npubEncode(BOB);
  const live = ['a', `30311:${ANN}:show`, 'wss://two.example'];
  const { parsed } = read(sign(1311, [live, EVENT_TAG, ['q', B]], npub));
  assert.deepEqual(parsed, {
    type: 'live-chat', activity: { kind: 30311, pubkey: ANN, identifier: 'show', relay: 'wss://two.example' }, reply: EVENT,
    content: naming(npub), quotes: [{ id: B, relays: [] }], profiles: [{ pubkey: BOB, relays: [] }],
  });
  const tags = [
    ['d', 'show'], ['title', 't'], ['summary', 's'], ['image', 'i'], ['streaming', 'https://s.example'], ['recording', 'https://r.example'],
    ['starts', '1'], ['ends', '2'], ['status', 'live'], ['p', ANN, 'wss://p.example', 'Host', 'proof'], ['current_participants', '3'],
    ['total_participants', '4'], ['pinned', A], ['t', 'boats'], ['relays', 'wss://r.example'],
  ];
  says(sign(30311, tags), {
    type: 'live-activity', identifier: 'show', title: 't', summary: 's', image: 'i', streaming: 'https://s.example', recording: 'https://r.example',
    starts: 1, ends: 2, status: 'live', participants: [{ pubkey: ANN, relay: 'wss://p.example', role: 'Host', proof: 'proof' }],
    currentParticipants: 3, totalParticipants: 4, pinned: [A], topics: ['boats'], relays: ['wss://r.example'],
    address: { kind: 30311, pubkey: ME, identifier: 'show' },
  });
});

test('7374, 7375, 7376 and 17375: a wallet', () => {
  says(sign(7374, [['mint', 'https://mint.example'], ['expiration', '9']], 'x'), { type: 'wallet-quote', state: 'open', quote: 'q', mint: 'https://mint.example', expiresAt: 9 }, 'q');
  says(sign(7375, [], 'x'), { type: 'wallet-token', state: 'locked', proofs: [], deleted: [] });
  says(sign(7375, [], 'x'), { type: 'wallet-token', state: 'open', mint: 'https://mint.example', unit: 'usd', proofs: [READ_PROOF], amount: 8, deleted: [A] },
    JSON.stringify({ mint: 'https://mint.example', unit: 'usd', proofs: [PROOF], del: [A] }));
  const history = [['direction', 'in'], ['amount', '7'], ['unit', 'usd'], ['e', A, '', 'created'], ['e', B, '', 'destroyed']];
  says(sign(7376, [['e', C, '', 'redeemed']], 'x'), { type: 'wallet-history', redeemed: [{ id: C }], state: 'open', direction: 'in', amount: 7, unit: 'usd', created: [{ id: A }], destroyed: [{ id: B }] }, JSON.stringify(history));
  says(sign(17375, [], 'x'), { type: 'wallet', state: 'open', mints: ['https://mint.example'], key: A }, JSON.stringify([['privkey', A], ['mint', 'https://mint.example']]));
  says(sign(17375, [], 'x'), { type: 'wallet', state: 'unreadable', mints: [] }, 'no JSON');
});

test('9321 and 10019: nutzaps', () => {
  says(sign(9321, [['proof', JSON.stringify(PROOF)], ['u', 'https://mint.example'], ['unit', 'usd'], ['p', ANN], EVENT_TAG, ['k', '1']], 'thanks'), {
    type: 'nutzap', proofs: [READ_PROOF], amount: 8, unit: 'usd', mint: 'https://mint.example', recipient: ANN, event: EVENT, kind: 1, comment: 'thanks', p2pk: `02${A}`, p2pkRefund: [],
  });
  const timed = { ...PROOF, secret: JSON.stringify(['P2PK', { nonce: 'n', data: `02${A}`, tags: [['locktime', '1800000000'], ['refund', `03${A}`]] }]) };
  const opens = read(sign(9321, [['proof', JSON.stringify(timed)], ['u', 'https://mint.example'], ['p', ANN]])).parsed;
  assert.deepEqual([opens.p2pk, opens.p2pkLocktime, opens.p2pkRefund], [`02${A}`, 1_800_000_000, [`03${A}`]]);
  says(sign(10019, [['mint', 'https://mint.example', 'sat', 'usd'], ['relay', 'wss://r.example'], ['pubkey', `02${A}`]]), {
    type: 'nutzap-info', mints: [{ url: 'https://mint.example', units: ['sat', 'usd'] }], relays: ['wss://r.example'], pubkey: `02${A}`,
  });
});

test('9734 and 9735: zaps', () => {
  const tags = [['p', ANN], EVENT_TAG, ADDRESS_TAG, ['k', '1'], ['amount', '1000000'], ['relays', 'wss://r.example'], ['lnurl', 'lnurl1']];
  const request = sign(9734, tags, 'thanks');
  const about = { recipient: ANN, event: EVENT, address: ADDRESS, kind: 1, comment: 'thanks', amountMsat: 1_000_000 };
  says(request, { type: 'zap-request', ...about, relays: ['wss://r.example'], lnurl: 'lnurl1', valid: true });
  const receipt = [['p', ANN], EVENT_TAG, ADDRESS_TAG, ['k', '1'], ['bolt11', INVOICE], ['description', JSON.stringify(request)], ['preimage', A]];
  says(sign(9735, receipt, '', 9), {
    type: 'zap', ...about, sender: ME, preimage: A, bolt11: INVOICE, descriptionHashMatches: false, valid: true, needsProviderCheck: true,
  });
});

test('NIP-51: lists', () => {
  const tags = [['p', ANN, 'wss://p.example', 'Ann'], EVENT_TAG, ADDRESS_TAG, ['t', 'boats'], ['word', 'Spiders'], ['relay', 'wss://r.example'], ['emoji', 'boat', 'https://e.example/b.png']];
  const items = { people: [contact], events: [EVENT], addresses: [ADDRESS_AT], topics: ['boats'], words: ['spiders'], relays: ['wss://r.example'], emoji: [{ shortcode: 'boat', url: 'https://e.example/b.png' }] };
  const named = [['d', 'crew'], ['title', 't'], ['description', 'd'], ['image', 'i']];
  says(sign(30000, [...named, ...tags]), { type: 'list', identifier: 'crew', title: 't', description: 'd', image: 'i', items });
  const payload = Buffer.alloc(120, 2).toString('base64');
  const none = { people: [], events: [], addresses: [], topics: [], words: [], relays: [], emoji: [] };
  says(sign(10000, [], payload), { type: 'list', items: none, privateItems: { state: 'locked', encryption: 'nip44' } });
  says(sign(10000, [], payload), { type: 'list', items: none, privateItems: { state: 'open', encryption: 'nip44', items } }, JSON.stringify(tags));
  assert.equal(read(sign(10000, [], 'AAAA?iv=AAAA')).parsed.privateItems.encryption, 'nip04');
});

test('30023: an article as a tree', () => {
  const npub = nip19.npubEncode(BOB);
  const body = `# Boats\n\n> quote\n\n3. [x] *em* **strong** ~~gone~~\n\n\`\`\`rust\ncode\n\`\`\`\n\n---\n\n| a |\n|---|\n| b |\n\n\`inline\` [site](https://w.example "t") [n](nostr:${npub}) ![pic](https://m.example/a.png "p") \\\nnext\nsoft`;
  const tags = [['d', 'on boats'], ['title', 't'], ['summary', 's'], ['image', 'i'], ['t', 'boats'], ['published_at', '5'], ['q', A]];
  const { parsed } = read(sign(30024, tags, body));
  const { body: nodes, ...rest } = parsed;
  assert.deepEqual(rest, {
    type: 'article', draft: true, identifier: 'on boats', title: 't', summary: 's', image: 'i', topics: ['boats'], publishedAt: 5,
    address: { kind: 30024, pubkey: ME, identifier: 'on boats' }, quotes: [{ id: A, relays: [] }], profiles: [{ pubkey: BOB, relays: [] }],
  });
  const kinds = new Set(nodes.map(({ kind }) => kind));
  for (const kind of ['paragraph', 'heading', 'quote', 'list', 'item', 'code', 'rule', 'table', 'table-head', 'table-row', 'table-cell', 'emphasis', 'strong', 'strikethrough', 'inline-code', 'link', 'image', 'soft-break', 'line-break', 'content']) {
    assert.ok(kinds.has(kind), kind);
  }
  const first = (kind) => nodes.find((node) => node.kind === kind);
  assert.deepEqual(nodes.slice(0, 2), [{ kind: 'heading', depth: 0, level: 1 }, { kind: 'content', depth: 1, block: text('Boats') }]);
  assert.deepEqual(first('list'), { kind: 'list', depth: 0, start: 3 });
  assert.deepEqual(first('item'), { kind: 'item', depth: 1, checked: true });
  assert.equal(first('code').language, 'rust');
  assert.equal(first('code').code.trim(), 'code');
  assert.equal(first('inline-code').code, 'inline');
  const links = nodes.filter(({ kind }) => kind === 'link');
  assert.deepEqual([links[0].url, links[0].title, links[1].entity], ['https://w.example', 't', { type: 'npub', pubkey: BOB, relays: [] }]);
  assert.deepEqual([first('image').url, first('image').title], ['https://m.example/a.png', 'p']);
});

test('30000 to 39999 else', () => {
  const tags = [['d', 'x'], ['title', 't'], ['description', 'd'], ['image', 'i'], ['status', 's'], ['starts', '1'], ['ends', '2'], ['relays', 'wss://r.example'], ['p', ANN, 'wss://p.example', 'Host', 'proof'], EVENT_TAG, ADDRESS_TAG];
  says(sign(31923, tags), {
    type: 'addressable', identifier: 'x', title: 't', description: 'd', image: 'i', status: 's', starts: 1, ends: 2, relays: ['wss://r.example'],
    participants: [{ pubkey: ANN, relay: 'wss://p.example', role: 'Host', proof: 'proof' }], events: [EVENT], addresses: [ADDRESS_AT],
    address: { kind: 31923, pubkey: ME, identifier: 'x' },
  });
});

test('a kind without a parser, and an event its parser refuses, still arrive', () => {
  for (const event of [sign(20_001, [], 'x'), sign(9735, [], '')]) {
    const view = read(event);
    assert.equal(view.parsed, undefined);
    assert.deepEqual(view.requests, []);
  }
});

test('every field of every table has been read', () => {
  const unread = Object.entries(TABLES)
    .filter(([table]) => !['Tag', 'NostrEvent', 'Filter', 'TagFilter', 'FollowUp'].includes(table))
    .flatMap(([table, fields]) => Object.keys(fields).filter((field) => fields[field] !== '-').map((field) => `${table}.${field}`))
    .filter((field) => !written.has(field));
  assert.deepEqual(unread, []);
});
