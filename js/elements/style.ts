// How the elements look: the page's own font and colours, which they mix from `currentColor`; each can be set.
import { css } from 'lit';

export const STYLE = css`
  :host {
    --_accent: var(--nostr-accent, LinkText);
    --_quiet: var(--nostr-quiet, color-mix(in srgb, currentColor 68%, transparent));
    --_line: var(--nostr-line, color-mix(in srgb, currentColor 16%, transparent));
    --_fill: var(--nostr-fill, color-mix(in srgb, currentColor 6%, transparent));
    --_gap: var(--nostr-gap, 1em);
    --_avatar: var(--nostr-avatar, 2.5em);
    --_radius: var(--nostr-radius, 0.5em);
    display: block;
    overflow-wrap: anywhere;
    line-height: 1.5;
  }
  :host([hidden]) {
    display: none;
  }
  * {
    box-sizing: border-box;
  }
  p,
  pre,
  ul,
  ol,
  blockquote {
    margin: 0;
  }
  a {
    color: var(--_accent);
    text-underline-offset: 0.15em;
  }
  :is(a, button, textarea, summary, article, pre):focus-visible {
    outline: 2px solid var(--_accent);
    outline-offset: 2px;
  }
  article {
    display: grid;
    grid-template-columns: var(--_avatar) minmax(0, 1fr);
    column-gap: 0.75em;
    padding-block: var(--_gap);
  }
  article + article,
  li + li > article {
    border-block-start: 1px solid var(--_line);
  }
  article > :not(.avatar) {
    grid-column: 2;
  }
  .avatar {
    grid-row: 1 / span 3;
    position: relative;
    display: grid;
    place-items: center;
    inline-size: var(--_avatar);
    block-size: var(--_avatar);
    border-radius: 50%;
    overflow: hidden;
    font-weight: 600;
    color: white;
    background: hsl(var(--nostr-hue, 220) 45% 38%);
  }
  .avatar img {
    position: absolute;
    inset: 0;
    inline-size: 100%;
    block-size: 100%;
    object-fit: cover;
  }
  header {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 0.6em;
  }
  .name {
    font-weight: 600;
    color: inherit;
    text-decoration: none;
  }
  .name:hover {
    text-decoration: underline;
  }
  .when {
    color: var(--_quiet);
    font-size: 0.875em;
    text-decoration: none;
  }
  .when:hover {
    text-decoration: underline;
  }
  .body {
    display: grid;
    gap: 0.5em;
    justify-items: start;
  }
  .body > * {
    max-inline-size: 100%;
  }
  .text {
    white-space: pre-wrap;
  }
  .title {
    font-size: 1.15em;
    font-weight: 650;
    line-height: 1.3;
  }
  .article > * + * {
    margin-block-start: 0.8em;
  }
  .heading {
    font-weight: 650;
  }
  .article :is(ul, ol) {
    padding-inline-start: 1.5em;
  }
  .article img,
  .media img,
  .media video {
    display: block;
    max-inline-size: 100%;
    max-block-size: 30em;
    block-size: auto;
    border-radius: var(--_radius);
  }
  .media {
    display: grid;
    gap: 0.4em;
  }
  .media:has(> :nth-child(2)) {
    grid-template-columns: repeat(auto-fit, minmax(min(12em, 100%), 1fr));
  }
  .emoji {
    block-size: 1.3em;
    vertical-align: text-bottom;
  }
  .hashtag {
    color: var(--_quiet);
  }
  .chip {
    padding: 0.1em 0.5em;
    border: 1px solid var(--_line);
    border-radius: 1em;
    font-size: 0.9em;
    text-decoration: none;
    color: inherit;
  }
  code {
    font-size: 0.9em;
    background: var(--_fill);
    border-radius: 0.25em;
    padding: 0.1em 0.3em;
  }
  pre {
    max-inline-size: 100%;
    overflow-x: auto;
    padding: 0.75em;
    background: var(--_fill);
    border-radius: var(--_radius);
  }
  pre code {
    background: none;
    padding: 0;
  }
  blockquote {
    padding-inline-start: 0.8em;
    border-inline-start: 3px solid var(--_line);
  }
  .quiet,
  .summary {
    color: var(--_quiet);
  }
  .more {
    font-size: 0.9em;
  }
  .table [role='row'] {
    display: grid;
    grid-auto-flow: column;
    grid-auto-columns: 1fr;
    border-block-end: 1px solid var(--_line);
    gap: 0.5em;
    padding-block: 0.3em;
  }
  button {
    font: inherit;
    color: inherit;
    min-block-size: 2.25em;
    padding: 0.3em 0.9em;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
    background: var(--_fill);
    cursor: pointer;
  }
  button:hover:not(:disabled) {
    border-color: currentColor;
  }
  button:disabled {
    cursor: default;
    color: var(--_quiet);
  }
  .wide {
    inline-size: 100%;
  }
  .link {
    min-block-size: 1.5em;
    padding: 0;
    border: 0;
    background: none;
    color: var(--_quiet);
    font-size: 0.875em;
    text-decoration: underline;
    text-underline-offset: 0.15em;
  }
  textarea {
    display: block;
    inline-size: 100%;
    min-block-size: 5em;
    padding: 0.6em 0.75em;
    font: inherit;
    color: inherit;
    background: none;
    border: 1px solid color-mix(in srgb, currentColor 50%, transparent);
    border-radius: var(--_radius);
    resize: vertical;
  }
  form {
    display: grid;
    gap: 0.6em;
    justify-items: start;
    padding-block: var(--_gap);
  }
  .row {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.75em;
  }
  ul.thread {
    list-style: none;
    padding: 0;
  }
  ul.thread ul.thread {
    margin-inline-start: calc(var(--_avatar) / 2);
    padding-inline-start: 0.75em;
    border-inline-start: 1px solid var(--_line);
  }
  .card {
    display: grid;
    grid-template-columns: auto minmax(0, 1fr);
    column-gap: 1em;
    --_avatar: var(--nostr-avatar, 4em);
  }
  .card > :not(.avatar) {
    grid-column: 2;
  }
  .card .name {
    font-size: 1.2em;
  }
`;
