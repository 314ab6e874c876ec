/** Small drawings beside words: a state is told by colour, shape and text, so that each may be missed. */

import { html, type Html } from './html';

const drawings = {
  /** An empty ring: nothing has happened. */
  created: '<circle cx="8" cy="8" r="5.25" />',
  /** A clock. */
  'pending-authorization': '<circle cx="8" cy="8" r="5.75" /><path d="M8 4.75V8l2.25 1.5" />',
  /** A tick in a ring. */
  connected: '<circle cx="8" cy="8" r="5.75" /><path d="m5.5 8.25 1.75 1.75 3.25-3.75" />',
  /** A cross in a ring. */
  disconnected: '<circle cx="8" cy="8" r="5.75" /><path d="m6 6 4 4m0-4-4 4" />',
  /** Two arrows. */
  migrating: '<path d="M2.5 6h10m0 0L10 3.5M12.5 6 10 8.5M13.5 11h-8" />',
  /** A ring with a bar. */
  inactive: '<circle cx="8" cy="8" r="5.75" /><path d="M5.25 8h5.5" />',
  info: '<circle cx="8" cy="8" r="5.75" /><path d="M8 7.5v3M8 5.25v.01" />',
  warning: '<path d="M8 2.25 14.25 13H1.75zM8 6.5v3M8 11.25v.01" />',
  arrow: '<path d="M3 8h9.5m0 0L9 4.5M12.5 8 9 11.5" />',
  account: '<path d="m8 1.75 5.5 3v6.5L8 14.25l-5.5-3v-6.5zM2.5 4.75 8 7.75l5.5-3M8 7.75v6.5" />',
} as const;

export type Icon = keyof typeof drawings;

export const icon = (name: Icon): Html =>
  html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">${{ markup: drawings[name] }}</svg>`;
