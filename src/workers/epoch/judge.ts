/**
 * Do the database and the spool volume belong together? The rules, as pure functions.
 *
 * Refresh tokens are single use. A database that was restored holds some that were used since; a copy of one holds
 * another environment's. Both are found before anything is sent:
 * 1. The volume has seen a higher count, or an epoch that the database never gave up: restored, or another database.
 * 2. The database names another deployment than this process is: a copy.
 * 3. What one volume knows holds for all processes: a new volume knows nothing.
 */

import type { StoredEpoch } from '../../db/epoch';
import type { Held, Known } from './volume';

export interface Disagreement {
  /** `told`: by another process, whose volume knows better. */
  kind: 'behind' | 'other-epoch' | 'told' | 'other-deployment' | 'unreadable' | 'no-epoch';
  database: StoredEpoch;
  /** Null when there is nothing to compare with. */
  volume: Known | null;
  /** For people: both sides, and what to do. */
  sentence: string;
}

export interface Own {
  deployment: string;
  /** Whether a volume that knows no epoch is refused. */
  requireVolume: boolean;
}

const instant = (at: number): string => new Date(at).toISOString();
const WAY_OUT = 'Nothing is refreshed until `upslink adopt` is told which is real.';

const databaseWords = ({ id, counter, writtenAt }: StoredEpoch): string =>
  `epoch ${id} at ${counter}, written ${instant(writtenAt)}`;
const volumeWords = ({ id, counter, at }: Known): string => `epoch ${id} at ${counter}, written ${instant(at)}`;

const beside = (database: StoredEpoch, volume: Known): string =>
  `The database holds ${databaseWords(database)}; the spool volume knows ${volumeWords(volume)}`;

function sentenceOf(
  kind: Disagreement['kind'],
  database: StoredEpoch,
  volume: Known | null,
  { deployment, file }: { deployment: string; file: string },
): string {
  const both = volume ? beside(database, volume) : '';
  switch (kind) {
    case 'behind':
      return `${both}: the database was restored. ${WAY_OUT}`;
    case 'other-epoch':
      return `${both}: they do not belong together. ${WAY_OUT}`;
    case 'told':
      return `${both} (on ${database.doubt?.by ?? 'another host'}): the database was restored, or is another. ${WAY_OUT}`;
    case 'other-deployment':
      return `The database (${databaseWords(database)}) belongs to "${database.deployment}", this process is "${deployment}": it is a copy, or the configuration changed. ${WAY_OUT}`;
    case 'unreadable':
      return `The database holds ${databaseWords(database)}; ${file} is damaged or cannot be read. Nothing is refreshed here until \`upslink adopt --database\` is run with this SPOOL_DIR: it writes the file anew, if this volume belongs to this database.`;
    case 'no-epoch':
      return `The database holds ${databaseWords(database)}; the spool volume knows none, and REQUIRE_SPOOL_EPOCH is true. Nothing is refreshed here until \`upslink adopt --database\` is run with this SPOOL_DIR.`;
  }
}

function kindOf(database: StoredEpoch, held: Held, own: Own): Disagreement['kind'] | null {
  if (database.deployment !== own.deployment) return 'other-deployment';
  if (held.kind === 'unreadable') return 'unreadable';
  if (held.kind === 'known' && !database.replaces.includes(held.known.id)) {
    if (held.known.id !== database.id) return 'other-epoch';
    if (held.known.counter > database.counter) return 'behind';
  }
  if (database.doubt) return 'told';
  return held.kind === 'empty' && own.requireVolume ? 'no-epoch' : null;
}

/** Null when they belong together. */
export function judge(database: StoredEpoch, held: Held, own: Own): Disagreement | null {
  const kind = kindOf(database, held, own);
  if (kind === null) return null;
  const volume = kind === 'told' ? database.doubt : held.kind === 'known' ? held.known : null;
  const file = held.kind === 'unreadable' ? held.file : '';
  const sentence = sentenceOf(kind, database, volume, { deployment: own.deployment, file });
  return { kind, database, volume, sentence };
}
