import { html, nothing, type PropertyValues } from 'lit';

import type { NostrManager } from '../index.js';
import { attributeError, FerryElement } from './base.js';
import { outward, type View } from './content.js';
import { npub, targetOf } from './entity.js';
import { avatar, nameLink } from './note-view.js';

/**
 * `<nostr-profile>`: who somebody says they are.
 *
 * Attributes: `pubkey` (npub, nprofile or hex), `media="off"`.
 *
 * @example <nostr-profile pubkey="npub1…"></nostr-profile>
 */
export class NostrProfile extends FerryElement {
  static override properties = { ...FerryElement.properties, pubkey: {}, shown: { state: true } };

  declare pubkey: string | null;
  /** The key in hex. */
  declare private shown: string | undefined;

  override willUpdate(changed: PropertyValues): void {
    if (this.hasUpdated && changed.has('pubkey')) this.restart();
  }

  protected async open(_engine: NostrManager, _signal: AbortSignal): Promise<void> {
    this.shown = undefined;
    const { pubkey } = targetOf(this.pubkey ?? '') ?? {};
    if (!pubkey) throw attributeError(this, 'pubkey', 'an npub, nprofile or key in hex is wanted');
    this.shown = pubkey;
  }

  protected override render(): View {
    const pubkey = this.shown;
    if (!pubkey) return this.problemView();
    const person = this.person(pubkey);
    return html`<section class="card" part="card" aria-labelledby="name">
      ${avatar(pubkey, this)}
      <header part="byline">${nameLink(pubkey, this, 'name')}</header>
      <p class="quiet" part="handle">${person?.nip05 ?? `${npub(pubkey).slice(0, 20)}…`}</p>
      ${person?.about ? html`<p part="about" dir="auto">${person.about}</p>` : nothing}
      ${person?.website ? html`<p part="website">${outward(person.website, person.website.replace(/^https?:\/\//, '').replace(/\/$/, ''))}</p>` : nothing}
    </section>`;
  }
}
