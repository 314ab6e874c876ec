/** Who sent a form: a page of our own, a page of another origin, or a client that does not say. */

import type { IncomingHttpHeaders } from 'node:http';
import { originOf } from './webAddress';

export type Sender = 'own' | 'other' | 'unsaid';

/**
 * Browsers add both headers by themselves, and no page can change them. `Sec-Fetch-Site` decides where it is there: `none`
 * means that a person did it and no page. Browsers before 2023 may send `Origin` only; it is `null` when a page hides where
 * it is. A header sent twice reaches us as a list, which is neither.
 */
export function senderOf(headers: IncomingHttpHeaders, ownOrigin: string): Sender {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin' || site === 'none' ? 'own' : 'other';
  const { origin } = headers;
  if (origin === undefined) return 'unsaid';
  return originOf(origin) === ownOrigin ? 'own' : 'other';
}
