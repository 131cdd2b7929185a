// Measures the parser alone: events a second of CPU on one core, natively and in wasm (the shipped sources and profile,
// in Node), and what is allocated for each. Contenders take turns; what else the machine does blurs CPU time little.
// usage: parser.mjs [--rounds 7] [--events 20000]
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { finalizeEvent, generateSecretKey, getPublicKey } from 'nostr-tools/pure';

const { values: args } = parseArgs({ options: { rounds: { type: 'string', default: '7' }, events: { type: 'string', default: '20000' } } });
const [ROUNDS, EVENTS] = [Number(args.rounds), Number(args.events)];
/** The feed has none; each takes two signatures to make. */
const ZAPS = 500;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { initSync, bench_sort, BenchParser } = await import(here('../target/bench/glue/nostr_ferry_bench.js'));
initSync({ module: readFileSync(here('../target/bench/glue/nostr_ferry_bench_bg.wasm')) });

/** NIP-57's example: 1,000,000 msat. */
const INVOICE =
  'lnbc10u1p3unwfusp5t9r3yymhpfqculx78u027lxspgxcr2n2987mx2j55nnfs95nxnzqpp5jmrh92pfld78spqs78v9euf2385t83uvpwk9ldrlvf6ch7tpascqhp5zvkrmemgth3tufcvflmzjzfvjt023nazlhljz2n9hattj4f8jq8qxqyjw5qcqpjrzjqtc4fc44feggv7065fqe5m4ytjarg3repr5j9el35xhmtfexc42yczarjuqqfzqqqqqqqqlgqqqqqqgq9q9qxpqysgq079nkq507a5tw7xgttmj4u990j7wfggtrasah5gd4ywfr2pjcn29383tphp4t48gquelz9z78p4cq7ml3nrrphw5w6eckhjwmhezhnqpy6gyf0';
const RELAYS = ['wss://relay.one.example', 'wss://relay.two.example', 'wss://relay.three.example', 'wss://relay.four.example'];

/** A receipt of a zap of `note` (NIP-57), with the tags that wallets write. */
function zap(note) {
  const sender = generateSecretKey();
  const about = [['e', note.id], ['p', note.pubkey]];
  const asked = { kind: 9734, created_at: note.created_at, content: 'Thanks!', tags: [...about, ['amount', '1000000'], ['relays', ...RELAYS]] };
  const request = JSON.stringify(finalizeEvent(asked, sender));
  const paid = [['bolt11', INVOICE], ['description', request], ['preimage', note.id]];
  const tags = [...about, ['P', getPublicKey(sender)], ...paid];
  return JSON.stringify(finalizeEvent({ kind: 9735, created_at: note.created_at, content: '', tags }, generateSecretKey()));
}

const program = here('../target/debug/examples/sample_events');
const feed = execFileSync(program, ['--count', '20000'], { maxBuffer: 1 << 30 }).toString().trimEnd().split('\n');
const zaps = feed.slice(-ZAPS).map((line) => zap(JSON.parse(line)));
const sample = `${[...feed, ...zaps].join('\n')}\n`;
const sorts = {};
for (const line of sample.trimEnd().split('\n')) {
  const sort = bench_sort(line);
  if (sort) (sorts[sort] ??= []).push(line);
}

function native() {
  const out = execFileSync(here('../target/native/examples/bench_parser'), [String(EVENTS)], { input: sample, encoding: 'utf8' });
  return out.trimEnd().split('\n').map((line) => JSON.parse(line));
}

function wasm(sort) {
  const bench = new BenchParser(sorts[sort].join('\n'), EVENTS);
  const start = process.cpuUsage();
  const delivered = bench.run();
  const { user, system } = process.cpuUsage(start);
  bench.free();
  if (delivered !== EVENTS) throw new Error(`${EVENTS} events went in and ${delivered} came out`);
  return EVENTS / ((user + system) / 1e6);
}

const figures = Object.fromEntries(Object.keys(sorts).map((sort) => [sort, { native: [], wasm: [] }]));
// The engine compiles wasm twice, the second time well: the first round is for that.
for (const sort of Object.keys(sorts)) wasm(sort);
for (let round = 0; round < ROUNDS; round += 1) {
  for (const { sort, events, seconds, bytes, calls, record } of native()) {
    figures[sort].native.push(events / seconds);
    Object.assign(figures[sort], { bytes: bytes / events, calls: calls / events, record: record / events });
  }
  for (const sort of Object.keys(sorts)) figures[sort].wasm.push(wasm(sort));
  console.error(`round ${round + 1} of ${ROUNDS}`);
}

const whole = (value) => Math.round(value).toLocaleString('en');
const sorted = (values) => values.toSorted((a, b) => a - b);
const median = (values) => sorted(values)[Math.floor(values.length / 2)];
const spread = (values) => `${whole(median(values))} (${whole(Math.min(...values))}–${whole(Math.max(...values))})`;
console.log(`${cpus()[0].model}, Node ${process.versions.node}; ${ROUNDS} rounds of ${whole(EVENTS)} events, median (lowest–highest)\n`);
console.log('| kind | native: events/s of CPU | wasm: events/s of CPU | wasm / native | bytes allocated | allocations | bytes of the event | of the record |');
console.log('|---|--:|--:|--:|--:|--:|--:|--:|');
for (const sort of Object.keys(sorts).toSorted()) {
  const { native, wasm, bytes, calls, record } = figures[sort];
  const json = sorts[sort].reduce((sum, line) => sum + Buffer.byteLength(line), 0) / sorts[sort].length;
  const ratio = (median(wasm) / median(native)).toFixed(2);
  console.log(`| ${sort} | ${spread(native)} | ${spread(wasm)} | ${ratio} | ${whole(bytes)} | ${calls.toFixed(1)} | ${whole(json)} | ${whole(record)} |`);
}
