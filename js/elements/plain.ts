// What strangers write, made fit to stand beside the page's own words.

/** Characters that turn their neighbours around or hide among them. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Joins emoji, and letters of several scripts. */
const JOINERS = /[\u200c\u200d]/;

/** One line of text of at most `length` characters, cut between graphemes; empty for none. */
export function plain(text: string | undefined, length: number): string {
  const line = (text ?? '').replace(/\s+/gu, ' ').replace(UNSEEN, (char) => (JOINERS.test(char) ? char : '')).trim();
  if (line.length <= length) return line;
  let cut = '';
  for (const { segment } of new Intl.Segmenter().segment(line.slice(0, length * 2))) {
    if (cut.length + segment.length >= length) break;
    cut += segment;
  }
  return `${cut.trimEnd()}…`;
}

/** `text` as an address a link may lead to: `http`, `https` and nothing else. */
export function webAddress(text: string | undefined): string | undefined {
  if (!text || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === 'https:' || url.protocol === 'http:' ? url.href : undefined;
}

const RELATIVE = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** When something was, as a person would say it. `seconds` and `now` are Unix seconds. */
export function when(seconds: number, now: number): string {
  const age = now - seconds;
  if (age >= 7 * 86_400 || age < -900) return new Date(seconds * 1_000).toLocaleDateString(undefined, { dateStyle: 'medium' });
  for (const [unit, length] of UNITS) if (age >= length) return RELATIVE.format(-Math.floor(age / length), unit);
  return RELATIVE.format(0, 'second');
}
