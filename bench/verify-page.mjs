// The page's side of bench/verify.mjs: starts a contender's worker, has it measured, and watches its own thread.
const call = (path, body) =>
  fetch(path, { method: 'POST', body: JSON.stringify(body ?? {}) }).then((response) => response.json());

function ask(worker, data) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.error ?? data.failed ? reject(new Error(data.error ?? data.failed)) : resolve(data));
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage(data);
  });
}

let longTasks = 0;
new PerformanceObserver((list) => (longTasks += list.getEntries().length)).observe({ type: 'longtask' });

try {
  const { events, rows, ms } = await call('/plan');
  const module = await WebAssembly.compileStreaming(fetch('/ferry.wasm'));
  const workers = {};
  for (const name of new Set(rows.map(({ name }) => name))) {
    workers[name] = new Worker(`/${name}.js`, { name });
    await ask(workers[name], { open: true, module, events });
  }
  for (const row of rows) {
    // Compiled for speed, caches warm, the pool's workers up.
    await ask(workers[row.name], { ...row, ms });
    longTasks = 0;
    const before = await call('/cpu');
    const { good, ms: elapsed } = await ask(workers[row.name], { ...row, ms });
    const after = await call('/cpu');
    await call('/measured', { row, good, elapsed, longTasks, page: after.page - before.page, workers: after.workers - before.workers });
  }
  await call('/done');
} catch (error) {
  await call('/done', { error: String(error.stack ?? error) });
}
