// What all elements share: the engine, its end with the element's own, and the words for what is not there.
import { html, LitElement, nothing, type TemplateResult } from 'lit';

import { FerryError, type NostrManager } from '../index.js';
import { engine, words } from './engine.js';
import { People } from './people.js';
import { STYLE } from './style.js';

/** An element that shows something of Nostr. */
export abstract class FerryElement extends LitElement {
  static override styles = STYLE;
  static override properties: Record<string, object> = {
    relays: {},
    media: { reflect: true },
    problem: { state: true },
  };

  /** Attribute `relays`: the relays to ask, between spaces or commas. Default: those of the engine. */
  declare relays: string | null;
  /** Attribute `media`: `off` shows a link in place of each picture, video and sound, so that nothing is loaded from strangers. */
  declare media: string | null;
  /** Why there is nothing to see. */
  protected declare problem: string | undefined;
  /** Aborted when the element leaves the page or its attributes change. */
  #life: AbortController | undefined;
  #people: People | undefined;
  /** The people whose names are on show. */
  readonly #watched = new Map<string, () => void>();

  override connectedCallback(): void {
    super.connectedCallback();
    this.restart();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#end();
  }

  /** Asks anew, once for any number of changes made together. */
  protected restart(): void {
    this.#end();
    if (!this.isConnected) return;
    const life = (this.#life = new AbortController());
    queueMicrotask(() => {
      if (!life.signal.aborted) void this.#run(life.signal);
    });
  }

  /** Reads the attributes and opens what the element shows; `signal` ends it. */
  protected abstract open(engine: NostrManager, signal: AbortSignal): Promise<void>;

  /** The relays of the attribute, as the engine takes them. */
  protected get relayOptions(): { relays?: string[] } {
    const relays = words(this.relays);
    return relays.length > 0 ? { relays } : {};
  }

  /** The people of the engine, if there is one yet; who is asked for is watched. */
  person(pubkey: string): ReturnType<People['get']> {
    const people = this.#people;
    if (people && !this.#watched.has(pubkey)) this.#watched.set(pubkey, people.watch(pubkey, () => this.requestUpdate()));
    return people?.get(pubkey);
  }

  get showsMedia(): boolean {
    return this.media !== 'off';
  }

  protected problemView(): TemplateResult | typeof nothing {
    return this.problem === undefined ? nothing : html`<p class="quiet" part="problem" role="status">${this.problem}</p>`;
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.problem = undefined;
    try {
      const nostr = await engine();
      if (signal.aborted) return;
      this.#people = People.of(nostr);
      await this.open(nostr, signal);
    } catch (error) {
      if (signal.aborted) return;
      this.problem = error instanceof FerryError ? error.message : String(error);
      this.dispatchEvent(new CustomEvent('error', { detail: error }));
    }
  }

  #end(): void {
    this.#life?.abort();
    this.#life = undefined;
    for (const off of this.#watched.values()) off();
    this.#watched.clear();
  }
}

/** An attribute that is not what it should be; the message is for the page's author. */
export function attributeError(element: Element, attribute: string, problem: string): FerryError {
  return new FerryError('bad-input', `<${element.localName} ${attribute}="…">: ${problem}`);
}
