// A signal flag for every key: a picture where there is none to load, the same on every screen.
import { svg } from './dom.js';

const RED = '#c8102e';
const BLUE = '#0b4ea2';
const YELLOW = '#ffcd00';
const WHITE = '#ffffff';
const BLACK = '#16202b';

// Pairs that are told apart at sea: each is a light and a dark colour.
const PAIRS = [
  [WHITE, RED],
  [WHITE, BLUE],
  [YELLOW, BLUE],
  [YELLOW, RED],
  [YELLOW, BLACK],
  [WHITE, BLACK],
  [RED, WHITE],
  [BLUE, WHITE],
  [BLUE, YELLOW],
  [RED, YELLOW],
  [BLACK, YELLOW],
  [RED, BLUE],
];

const rect = (x, y, width, height, fill) => svg('rect', { x, y, width, height, fill });
const path = (d, fill) => svg('path', { d, fill });

// Each fills 12 × 12 over a field of colour `a`.
const PATTERNS = [
  (a, b) => [rect(0, 6, 12, 6, b)],
  (a, b) => [rect(6, 0, 6, 12, b)],
  (a, b, c) => [rect(0, 4, 12, 4, b), rect(0, 8, 12, 4, c)],
  (a, b, c) => [rect(4, 0, 4, 12, b), rect(8, 0, 4, 12, c)],
  (a, b) => [rect(0, 2.4, 12, 2.4, b), rect(0, 7.2, 12, 2.4, b)],
  (a, b) => [rect(2, 0, 2, 12, b), rect(6, 0, 2, 12, b), rect(10, 0, 2, 12, b)],
  (a, b) => [rect(4.5, 0, 3, 12, b), rect(0, 4.5, 12, 3, b)],
  (a, b) => [path('M0 0h2.6L12 9.4V12H9.4L0 2.6zM12 0v2.6L2.6 12H0V9.4L9.4 0z', b)],
  (a, b) => [path('M6 0 12 6 6 12 0 6z', b)],
  (a, b) => [rect(3, 3, 6, 6, b)],
  (a, b, c) => [rect(1.8, 1.8, 8.4, 8.4, b), rect(4, 4, 4, 4, c)],
  (a, b) => [rect(6, 0, 6, 6, b), rect(0, 6, 6, 6, b)],
  (a, b) =>
    [0, 1, 2, 3].flatMap((x) => [0, 1, 2, 3].filter((y) => (x + y) % 2).map((y) => rect(x * 3, y * 3, 3, 3, b))),
  (a, b) => [path('M0 0h12L0 12z', b)],
  (a, b, c) => [path('M0 0h12L6 6z', b), path('M0 12h12L6 6z', c)],
  (a, b) => [path('M0 12 12 0v4L4 12zM0 4l4-4h4L0 8zM8 12l4-4v4z', b)],
  (a, b) => [svg('circle', { cx: 6, cy: 6, r: 3.4, fill: b })],
  (a, b) => [path('M0 0 9 6 0 12z', b)],
];

/** The flag of `pubkey` (hex), for the eye only. */
export function flagOf(pubkey) {
  const byte = (at) => Number.parseInt(pubkey.slice(at * 2, at * 2 + 2), 16) || 0;
  const pattern = PATTERNS[byte(1) % PATTERNS.length];
  const [a, b] = PAIRS[byte(2) % PAIRS.length];
  const others = [RED, BLUE, YELLOW, WHITE, BLACK].filter((colour) => colour !== a && colour !== b);
  return draw(a, pattern(a, b, others[byte(3) % others.length]));
}

// The letters' own flags in the International Code of Signals.
const LETTERS = {
  F: () => draw(WHITE, PATTERNS[8](WHITE, RED)),
  E: () => draw(BLUE, PATTERNS[0](BLUE, RED)),
  R: () => draw(RED, PATTERNS[6](RED, YELLOW)),
  Y: () => draw(YELLOW, [path('M0 4 4 0H0zM0 12 12 0H8L0 8zM8 12l4-4V4L4 12z', RED)]),
};

/** `word`, of the letters F, E, R and Y, as a hoist of flags. */
export function hoist(word) {
  return [...word].map((letter) => LETTERS[letter]());
}

function draw(field, shapes) {
  return svg(
    'svg',
    { viewBox: '0 0 12 12', class: 'flag', 'aria-hidden': 'true' },
    rect(0, 0, 12, 12, field),
    ...shapes,
  );
}
