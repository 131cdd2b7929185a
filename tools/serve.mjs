// Static web servers for the demo and the tests: one isolated (COOP/COEP), one plain with CORS.
// usage: serve.mjs [--events FILE] [--port N] [--plain-port N] [--relay-port N] [--csp POLICY] [--wasm-type MIME]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.ts': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/** What a page needs to be `crossOriginIsolated`. */
const ISOLATED = {
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};
/** Lets pages of any origin, isolated ones too, load from here. */
const SHARED = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
};

/**
 * Serves dist/ at /dist/ and www/ at /.
 *
 * @param {object} [options]
 * @param {number} [options.port] 0, the default, takes a free one
 * @param {boolean} [options.isolated] with COOP/COEP, and then without CORS
 * @param {string} [options.csp] a Content-Security-Policy for all answers
 * @param {string | null} [options.wasmType] the Content-Type of .wasm files; null sends none
 * @param {Record<string, string>} [options.files] answers that are no files, by path, such as '/page.html'
 * @returns {Promise<{ origin: string, close: () => Promise<void> }>}
 */
export async function startServer({ port = 0, isolated = false, csp, wasmType, files = {} } = {}) {
  const headers = { 'cache-control': 'no-cache', ...(isolated ? ISOLATED : SHARED) };
  if (csp !== undefined) headers['content-security-policy'] = csp;
  const types = { ...TYPES };
  if (wasmType !== undefined) types['.wasm'] = wasmType;

  const server = createServer(async (request, response) => {
    const path = pathOf(request.url);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const type = types[extname(path)];
    if (type) response.setHeader('content-type', type);
    if (Object.hasOwn(files, path)) return void response.end(files[path]);
    const file = fileOf(path);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) {
      response.writeHead(404, { 'content-type': 'text/plain' });
      return void response.end(`${path} is not here\n`);
    }
    response.setHeader('content-length', found.size);
    if (request.method === 'HEAD') return void response.end();
    createReadStream(file).pipe(response);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/**
 * Starts a relay and waits until it answers.
 *
 * @param {string[]} args options of tools/relay.py
 * @returns {Promise<{ url: string, ended: Promise<void>, stop: () => Promise<void> }>}
 */
export async function startRelay(args = []) {
  const python = join(ROOT, '.tools/venv/bin/python');
  const child = spawn(python, [join(ROOT, 'tools/relay.py'), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(() => undefined);
  const url = await Promise.race([
    once(createInterface(child.stdout), 'line').then(([line]) => line.replace(/^ready /, '')),
    ended.then(() => Promise.reject(new Error('the relay ended before it was ready'))),
  ]);
  return {
    url,
    ended,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function pathOf(url) {
  try {
    const path = normalize(decodeURIComponent(new URL(url, 'http://127.0.0.1').pathname));
    return path.endsWith('/') ? `${path}index.html` : path;
  } catch {
    return '/bad-address';
  }
}

/** `path` is normalised and absolute, so it cannot climb out of the folder it is joined to. */
function fileOf(path) {
  return join(ROOT, path.startsWith('/dist/') ? path : join('www', path));
}

async function main() {
  const { values: args } = parseArgs({
    options: {
      events: { type: 'string' },
      port: { type: 'string', default: '8080' },
      'plain-port': { type: 'string', default: '8081' },
      'relay-port': { type: 'string', default: '7447' },
      csp: { type: 'string' },
      'wasm-type': { type: 'string' },
    },
  });
  const relay = await startRelay(['--port', args['relay-port'], ...(args.events ? ['--events', args.events] : [])]);
  // How the page learns where its relay is.
  const files = { '/demo.json': JSON.stringify({ relay: relay.url }) };
  const shared = { csp: args.csp, wasmType: args['wasm-type'], files };
  const isolated = await startServer({ ...shared, port: Number(args.port), isolated: true });
  const plain = await startServer({ ...shared, port: Number(args['plain-port']) });

  console.log(`demo   ${isolated.origin}/   isolated: SharedArrayBuffer is there`);
  console.log(`       ${plain.origin}/   plain: as most sites are served`);
  console.log(`relay  ${relay.url}`);
  console.log('Ctrl-C stops all three.');

  // Ctrl-C reaches the relay, too: it is in the same process group.
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), relay.ended]);
  await Promise.all([isolated.close(), plain.close(), relay.stop()]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    const hint = error.code === 'EADDRINUSE' ? ` Port ${error.port} is taken: choose another with --port or --plain-port.` : '';
    console.error(`serve: ${error.message}.${hint}`);
    process.exit(1);
  });
}
