/** Typed listeners by event name. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>();

  /**
   * Calls `listener` for every `type` from now on.
   *
   * @returns a function that ends it; so does `signal`.
   * @example const off = feed.on('event', render);
   */
  on<Type extends keyof Events>(
    type: Type,
    listener: (value: Events[Type]) => void,
    options: { signal?: AbortSignal } = {},
  ): () => void {
    let listeners = this.#listeners.get(type);
    if (!listeners) this.#listeners.set(type, (listeners = new Set()));
    const added = listeners;
    added.add(listener);
    const off = () => void added.delete(listener);
    options.signal?.addEventListener('abort', off, { once: true });
    return off;
  }

  /** Calls the listeners of `type`. One that throws keeps none of the others from being called. */
  protected emit<Type extends keyof Events>(type: Type, value: Events[Type]): void {
    for (const listener of this.#listeners.get(type) ?? []) {
      try {
        (listener as (value: Events[Type]) => void)(value);
      } catch (error) {
        reportError(error);
      }
    }
  }

  protected hasListeners(type: keyof Events): boolean {
    return (this.#listeners.get(type)?.size ?? 0) > 0;
  }
}
