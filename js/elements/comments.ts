import { html, nothing, type PropertyValues } from 'lit';
import { repeat } from 'lit/directives/repeat.js';

import { type EventView, FerryError, type NostrManager } from '../index.js';
import { hex } from '../hex.js';
import { FerryElement } from './base.js';
import type { View } from './content.js';
import { placed } from './feed.js';
import { nameId, nameOf, noteView } from './note-view.js';
import { rootOf, type Root } from './roots.js';

/** Deeper answers stand beside what they answer: a narrow screen has no room for more. */
const DEEPEST = 5;
const ACCEPT_MS = 20_000;

/**
 * `<nostr-comments>`: what people say of this page, of another address or of an event, with a box to join in.
 *
 * Attributes: `url` (default: the page's canonical address) or `event` (note, nevent, naddr or hex), `relays`,
 * `media="off"`, `readonly` (no box), `label`. Comments are NIP-22; answers to a kind 1 note are NIP-10.
 * Who writes here signs with their extension (NIP-07), or as a guest with a new key that this browser keeps.
 *
 * @example <nostr-comments></nostr-comments>
 */
export class NostrComments extends FerryElement {
  static override properties = {
    ...FerryElement.properties,
    url: {},
    event: {},
    readonly: { type: Boolean },
    label: {},
    shown: { state: true },
    busy: { state: true },
    answering: { state: true },
    said: { state: true },
    sending: { state: true },
  };

  declare url: string | null;
  declare event: string | null;
  declare readonly: boolean;
  declare label: string | null;
  declare private shown: EventView[];
  declare private busy: boolean;
  /** The comment that the box answers; none: the page. */
  declare private answering: EventView | undefined;
  /** How the last comment fared. */
  declare private said: string;
  declare private sending: boolean;
  #ids = new Set<string>();
  #engine: NostrManager | undefined;
  #root: Root | undefined;

  constructor() {
    super();
    this.shown = [];
    this.busy = true;
    this.said = '';
    this.sending = false;
  }

  override willUpdate(changed: PropertyValues): void {
    if (this.hasUpdated && ['url', 'event', 'relays'].some((name) => changed.has(name))) this.restart();
  }

  protected async open(engine: NostrManager, signal: AbortSignal): Promise<void> {
    [this.shown, this.busy, this.answering] = [[], true, undefined];
    this.#ids = new Set();
    this.#engine = engine;
    this.#root = undefined;
    this.#root = await rootOf(this, engine, { ...this.relayOptions, signal });
    if (signal.aborted) return;
    const found = engine.subscribe(this.#root.filters, { ...this.relayOptions, signal });
    found.on('event', (event) => {
      if (this.#ids.has(event.id)) return;
      this.#ids.add(event.id);
      this.shown = placed(this.shown, event);
    });
    found.on('eose', ({ relay }) => {
      if (relay === undefined) this.busy = false;
    });
    found.on('error', (error) => (this.problem = error.message));
  }

  protected override render(): View {
    const children = this.#children();
    return html`<section aria-label=${this.label ?? 'Comments'}>
      ${this.problemView()}
      <p class="quiet" part="status" role="status">${this.#count()}</p>
      ${this.#thread(children, undefined, 0)} ${this.readonly || !this.#root ? nothing : this.#box()}
    </section>`;
  }

  #count(): string {
    if (this.problem !== undefined) return '';
    if (this.shown.length === 0) return this.busy ? 'Looking for comments…' : 'No comments yet.';
    return this.shown.length === 1 ? '1 comment' : `${this.shown.length} comments`;
  }

  /** Who answers whom; an answer to what is not here stands at the top. Oldest first, as a talk is read. */
  #children(): Map<string | undefined, EventView[]> {
    const children = new Map<string | undefined, EventView[]>();
    for (const event of this.shown.toReversed()) {
      const parent = this.#root?.parentOf(event);
      const place = parent !== undefined && this.#ids.has(parent) && parent !== event.id ? parent : undefined;
      children.set(place, [...(children.get(place) ?? []), event]);
    }
    return children;
  }

  #thread(children: Map<string | undefined, EventView[]>, parent: string | undefined, depth: number): View {
    const answers = children.get(parent);
    if (!answers) return nothing;
    return html`<ul class="thread" part="thread">
      ${repeat(
        answers,
        (event) => event.id,
        (event) => html`<li>
          <article part="note" aria-labelledby=${nameId(event)}>${noteView(event, this, { below: this.#answerButton(event) })}</article>
          ${depth < DEEPEST ? this.#thread(children, event.id, depth + 1) : nothing}
        </li>
        ${depth < DEEPEST ? nothing : this.#thread(children, event.id, depth)}`,
      )}
    </ul>`;
  }

  #answerButton(event: EventView): View {
    if (this.readonly) return nothing;
    const answer = () => {
      this.answering = event;
      this.renderRoot.querySelector('textarea')?.focus();
    };
    return html`<footer><button class="link" part="answer" aria-label=${`Answer ${nameOf(event.pubkey, this)}`} @click=${answer}>Answer</button></footer>`;
  }

  #box(): View {
    const answering = this.answering;
    return html`<form part="form" @submit=${this.#submit}>
      <label for="text">${answering ? html`Your answer to <bdi>${nameOf(answering.pubkey, this)}</bdi>` : 'Your comment'}</label>
      <textarea id="text" part="text" required maxlength="10000" ?disabled=${this.sending}></textarea>
      <div class="row">
        <button part="send" ?disabled=${this.sending}>${this.sending ? 'Sending…' : 'Send'}</button>
        ${answering
          ? html`<button type="button" class="link" part="cancel" @click=${() => (this.answering = undefined)}>Comment on the page instead</button>`
          : nothing}
      </div>
      <p class="quiet" part="hint">
        ${'nostr' in globalThis ? 'Signed by your extension.' : 'You write as a guest: a new key is made and kept in this browser.'}
      </p>
      <p role="status" part="said">${this.said}</p>
    </form>`;
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    void this.#send();
  }

  async #send(): Promise<void> {
    const [engine, root, box] = [this.#engine, this.#root, this.renderRoot.querySelector('textarea')];
    const content = box?.value.trim();
    if (!engine || !root || !box || !content || this.sending) return;
    this.sending = true;
    this.said = '';
    try {
      await signIn(engine);
      const post = engine.publish({ ...root.template(this.answering), content }, this.relayOptions);
      const relay = await withTime(post.accepted());
      this.said = `Sent; ${new URL(relay).host} took it.`;
      box.value = '';
      this.answering = undefined;
    } catch (error) {
      // What was written stays in the box.
      this.said = `Not sent: ${error instanceof Error ? error.message : String(error)}.`;
    }
    this.sending = false;
  }
}

/** The signer in use, else the extension, else a guest's key that this browser keeps (see `remember`). */
async function signIn(engine: NostrManager): Promise<void> {
  await engine.signer.restored.catch(() => undefined);
  try {
    await engine.signer.getPublicKey();
  } catch (error) {
    if (!(error instanceof FerryError) || error.code !== 'no-signer') throw error;
    if ('nostr' in globalThis) await engine.signer.useExtension({ remember: true });
    else await beGuest(engine);
  }
}

async function beGuest(engine: NostrManager): Promise<void> {
  const secret = hex(crypto.getRandomValues(new Uint8Array(32)));
  // Where nothing can be kept (plain http, private mode) the guest is somebody new each time.
  await engine.signer.usePrivateKey(secret, { remember: true }).catch(() => engine.signer.usePrivateKey(secret));
}

async function withTime<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new FerryError('timed-out', 'no relay has taken it yet; it is still being tried')), ACCEPT_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
