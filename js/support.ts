/** What the engine cannot do without. */
const NEEDED = ['WebAssembly', 'Worker', 'MessageChannel', 'WebSocket'] as const;

/** What of that this browser lacks. */
export function missingFeatures(): string[] {
  return NEEDED.filter((name) => !(name in globalThis));
}
