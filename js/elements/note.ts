import { html, type PropertyValues } from 'lit';

import type { EventView, NostrManager } from '../index.js';
import { attributeError, FerryElement } from './base.js';
import type { View } from './content.js';
import { filterOf, targetOf } from './entity.js';
import { nameId, noteView } from './note-view.js';

/**
 * `<nostr-note>`: one event, whole.
 *
 * Attributes: `event` (note, nevent, naddr or an id in hex), `relays`, `media="off"`.
 *
 * @example <nostr-note event="nevent1…"></nostr-note>
 */
export class NostrNote extends FerryElement {
  static override properties = { ...FerryElement.properties, event: {}, shown: { state: true }, busy: { state: true } };

  declare event: string | null;
  declare private shown: EventView | undefined;
  declare private busy: boolean;

  constructor() {
    super();
    this.busy = true;
  }

  override willUpdate(changed: PropertyValues): void {
    if (this.hasUpdated && (changed.has('event') || changed.has('relays'))) this.restart();
  }

  protected async open(engine: NostrManager, signal: AbortSignal): Promise<void> {
    [this.shown, this.busy] = [undefined, true];
    const target = targetOf(this.event ?? '');
    const filter = target && filterOf(target);
    if (!filter) throw attributeError(this, 'event', 'a note, nevent, naddr or an id in hex is wanted');
    // An addressable event can be replaced while it is on show.
    const found = engine.subscribe([filter], { ...hinted(this.relayOptions, target.relays), signal });
    found.on('event', (event) => {
      if (!this.shown || event.created_at > this.shown.created_at) this.shown = event;
    });
    found.on('eose', ({ relay }) => {
      if (relay === undefined) this.busy = false;
    });
    found.on('error', (error) => (this.problem = error.message));
  }

  protected override render(): View {
    const event = this.shown;
    if (event) return html`<article part="note" aria-labelledby=${nameId(event)}>${noteView(event, this, { whole: true })}</article>`;
    if (this.problem !== undefined) return this.problemView();
    return html`<p class="quiet" part="status" role="status">${this.busy ? 'Looking for the note…' : 'The note is on none of the relays asked.'}</p>`;
  }
}

/** The element's own relays; else, where the code names some, those besides what the engine would choose. */
function hinted(own: { relays?: string[] }, hints: string[]): { relays?: string[] } {
  return own.relays || hints.length === 0 ? own : { relays: hints };
}
