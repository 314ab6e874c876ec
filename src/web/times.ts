/** Instants as people read them. The page's script keeps the relative ones right while the page is open. */

import { DAY_MS, HOUR_MS, MINUTE_MS } from '../durations';
import { html, type Html } from './html';

const UNITS = [
  [DAY_MS, 'day', 2 * DAY_MS],
  [HOUR_MS, 'h', 2 * HOUR_MS],
  [MINUTE_MS, 'min', 2 * MINUTE_MS],
  [1_000, 's', 0],
] as const;

/** `in 43 s`, `12 min ago`; a unit is used from two of it on. */
export function relative(at: number, now: number): string {
  const away = Math.abs(at - now);
  if (away < 1_000) return 'now';
  const [size, name] = UNITS.find(([, , from]) => away >= from) ?? UNITS[3];
  const count = Math.floor(away / size);
  const amount = `${count} ${name === 'day' ? 'days' : name}`;
  return at > now ? `in ${amount}` : `${amount} ago`;
}

const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });

/** `23 Nov 2026, 08:00:00 UTC` */
export const inWords = (instant: string): string => `${absolute.format(Date.parse(instant))} UTC`;

/** `2026-11-23`, as a date field of a form has it. */
export const dateOf = (at: number): string => new Date(at).toISOString().slice(0, 10);

export const ago = (instant: string, now: number): Html =>
  html`<time datetime="${instant}" title="${inWords(instant)}" data-relative
    >${relative(Date.parse(instant), now)}</time
  >`;

export const onDay = (instant: string): Html => html`<time datetime="${instant}">${inWords(instant)}</time>`;
