/** Hashes of what was sent and of what must not be stored. */

import { createHash, createHmac } from 'node:crypto';

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const hmac = (secret: string, about: string): string =>
  createHmac('sha256', secret).update(about).digest('base64url');

/** The same text for the same JSON, whatever the order of its fields. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );

export const hashOf = (value: unknown): string => sha256(canonical(value));

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

function base32(bytes: Buffer): string {
  let text = '';
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    for (; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31] ?? '';
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + (BASE32[(held << (5 - bits)) & 31] ?? '') : text;
}

/** From tenant and name: unique names, idempotent creation and sharding by `_id` come for nothing. */
export const accountIdOf = (tenantId: string, name: string): string =>
  `acc_${base32(createHash('sha256').update(`${tenantId}\0${name}`).digest()).slice(0, 26)}`;
