/** Documents that no machine wrote as they are: what a command that looks at every account says of them, and goes on. */

import { documentFrom, type AccountDocument } from './accounts';
import type { StoredAccount } from './schemas';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects and lists that every machine has written since the first. */
const OBJECTS = ['snapshot', 'snapshot.value', 'snapshot.context', 'data', 'data.settings', 'view'];
const LISTS = ['timers', 'invocations', 'outbox'];

const partOf = (stored: object, path: string): unknown =>
  path.split('.').reduce<unknown>((now, name) => (now as Record<string, unknown> | null | undefined)?.[name], stored);

/** What is missing in it, in a sentence; null when it is whole. */
export function damageOf(stored: StoredAccount): string | null {
  const missing =
    OBJECTS.find((path) => !isObject(partOf(stored, path))) ??
    LISTS.find((path) => !Array.isArray(partOf(stored, path)));
  return missing === undefined ? null : `the stored account is damaged: ${missing} is missing`;
}

/** As `documentFrom`, of a document that may be damaged: then what is wrong with it. */
export function readStored(stored: StoredAccount): AccountDocument | { damage: string } {
  const damage = damageOf(stored);
  if (damage !== null) return { damage };
  try {
    return documentFrom(stored);
  } catch (error) {
    return { damage: damageBy(error) };
  }
}

/** Of a document that looks whole and that something fails on. */
export const damageBy = (error: unknown): string =>
  `the stored account is damaged: ${error instanceof Error ? error.message : String(error)}`;
