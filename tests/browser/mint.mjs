// A Cashu mint over HTTP, with CORS, keys of its own and real proofs (NUT-00, 01, 02, 07, 12).
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { secp256k1 } from '@noble/curves/secp256k1.js';

const { Point } = secp256k1;
const ORDER = Point.Fn.ORDER;
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
const number = (bytes) => (BigInt(`0x${bytes.toString('hex')}`) % (ORDER - 1n)) + 1n;
const hex64 = (value) => value.toString(16).padStart(64, '0');

/** NUT-00's `hash_to_curve`. */
function hashToCurve(secret) {
  const message = sha256('Secp256k1_HashToCurve_Cashu_', secret);
  for (let counter = 0; ; counter += 1) {
    const le = Buffer.alloc(4);
    le.writeUInt32LE(counter);
    try {
      return Point.fromHex(`02${sha256(message, le).toString('hex')}`);
    } catch {
      // Not on the curve: half of all hashes are.
    }
  }
}

/**
 * Starts a mint on a port of its own.
 *
 * @param {Record<string, { unit: string, active: boolean }>} keysets by id
 * @returns {Promise<{ url: string, issue: (keyset: string, amount: number, secret: string) => object, states: Map<string, string>, asked: string[], fail: boolean, stop: () => Promise<void> }>}
 *   `states` by secret; `fail` answers every request with 500
 */
export async function startMint(keysets) {
  const seed = randomBytes(32);
  const key = (id, amount) => number(sha256(seed, `${id} ${amount}`));
  const byY = new Map();
  const mint = { states: new Map(), asked: [], fail: false };

  mint.issue = (id, amount, secret) => {
    const [k, r, nonce] = [key(id, amount), number(randomBytes(32)), number(randomBytes(32))];
    const y = hashToCurve(secret);
    byY.set(y.toHex(), secret);
    const blinded = y.add(Point.BASE.multiply(r));
    const blindSignature = blinded.multiply(k);
    const points = [Point.BASE.multiply(nonce), blinded.multiply(nonce), Point.BASE.multiply(k), blindSignature];
    const e = sha256(points.map((point) => point.toHex(false)).join('')).toString('hex');
    const s = (nonce + BigInt(`0x${e}`) * k) % ORDER;
    return { amount, id, secret, C: y.multiply(k).toHex(), dleq: { e, s: hex64(s), r: hex64(r) } };
  };

  const keysOf = (id) => Object.fromEntries([1, 2, 4, 8].map((amount) => [amount, Point.BASE.multiply(key(id, amount)).toHex()]));
  const describe = (ids, withKeys) => ({
    keysets: ids.map((id) => ({ id, ...keysets[id], input_fee_ppk: 0, ...(withKeys && { keys: keysOf(id) }) })),
  });
  const answer = (path, body) => {
    const all = Object.keys(keysets);
    if (path === '/v1/keys') return describe(all.filter((id) => keysets[id].active), true);
    if (path === '/v1/keysets') return describe(all, false);
    if (path.startsWith('/v1/keys/')) return describe(all.filter((id) => path.endsWith(`/${id}`)), true);
    if (path !== '/v1/checkstate') return undefined;
    return { states: JSON.parse(body).Ys.map((Y) => ({ Y, state: mint.states.get(byY.get(Y)) ?? 'UNSPENT', witness: null })) };
  };

  const server = createServer(async (request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*, content-type');
    if (request.method === 'OPTIONS') return response.writeHead(204).end();
    const body = (await request.toArray()).join('');
    mint.asked.push(`${request.method} ${request.url}`);
    const said = mint.fail ? undefined : answer(request.url, body);
    response.writeHead(said ? 200 : 500, { 'Content-Type': 'application/json' }).end(JSON.stringify(said ?? { detail: 'no' }));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  mint.url = `http://127.0.0.1:${server.address().port}`;
  mint.stop = () => new Promise((resolve) => server.close(resolve).closeAllConnections());
  return mint;
}
