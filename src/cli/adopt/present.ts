/** What `upslink adopt` prints. */

import type { Config } from '../../config';
import type { Holder } from '../../db/grants';
import { fields, paragraph, printable } from '../table';
import type { Sides } from './sides';

export interface Counts {
  withGrant: number;
  /** Of these, whose refresh token somebody may have used since. */
  maybeUsed: number;
  /** The first of them. */
  first: string[];
}

export interface Adopted {
  adopted: 'database' | 'as-new' | null;
  epoch: string;
  /** Where it was written to, beside the database. */
  volume: string | null;
  maybeUsed: number;
  givenUp: number;
}

const instant = (at: number): string => new Date(at).toISOString();

const sideOf = ({ id, counter, deployment, at }: { id: string; counter: number; deployment: string; at: number }) => ({
  epoch: id,
  counter,
  deployment,
  writtenAt: instant(at),
});

export function sidesJson({ database, held, disagreement }: Sides, { deployment }: Config, accounts: Counts) {
  const volume = disagreement?.volume ?? (held.kind === 'known' ? held.known : null);
  return {
    agrees: disagreement === null,
    kind: disagreement?.kind ?? null,
    sentence: disagreement?.sentence ?? null,
    deployment,
    database: sideOf({ ...database, at: database.writtenAt }),
    volume: volume && sideOf(volume),
    accounts,
  };
}

const WAYS: [string, string][] = [
  [
    '--database',
    'this database is the real one, and what ran without it is gone: accounts whose refresh token may have been used elsewhere are tried once, as after a lost answer.',
  ],
  [
    '--as-new',
    'this database is a copy, and the original still runs: its grants are given up, and merchants reconnect here.',
  ],
  ['--list', 'lists the accounts whose refresh token may have been used elsewhere.'],
];

export function describeSides(sides: Sides, config: Config, counts: Counts, width: number): string {
  const { database, volume, sentence, agrees } = sidesJson(sides, config, counts);
  const wordsOf = (side: typeof database | null) =>
    side ? `${side.epoch} at ${side.counter}, written ${side.writtenAt}, of "${side.deployment}"` : 'none';
  const shown = fields(
    [
      ['this process', config.deployment],
      ['database', wordsOf(database)],
      ['volume', wordsOf(volume)],
      ['with a grant', String(counts.withGrant)],
      ['maybe used', `${counts.maybeUsed}${counts.maybeUsed > 0 ? `: ${counts.first.join(' ')}` : ''}`],
    ],
    width,
  );
  if (agrees) return `${shown}\nThe database and the volume agree: there is nothing to adopt.`;
  return `${shown}\n${paragraph(sentence ?? '', { width, indent: 0 })}\n${fields(WAYS, width)}`;
}

export function describeAdopted({ adopted, epoch, volume, maybeUsed, givenUp }: Adopted, width: number): string {
  return fields(
    [
      ['adopted', adopted ?? 'nothing: the database and the volume agree'],
      ['epoch', epoch],
      ['volume written', volume ?? 'none: the volumes follow by themselves'],
      ...(adopted === 'database' ? [['tried once', String(maybeUsed)] as [string, string]] : []),
      ...(adopted === 'as-new' ? [['given up', String(givenUp)] as [string, string]] : []),
    ],
    width,
  );
}

/** A field that begins like a formula is text in a spreadsheet too. */
const cell = (text: string): string =>
  `"${printable(text)
    .replace(/^[=+\-@]/, "'$&")
    .replaceAll('"', '""')}"`;

const COLUMNS = ['id', 'tenantId', 'name', 'state', 'generation', 'issuedAt'] as const;

/** The first line of the CSV: as the fields are called with `--json`. */
export const HEAD = COLUMNS.join(',');

export function rowOf({ id, tenantId, name, state, current }: Holder): [object, string] {
  const issuedAt = instant(current?.issuedAt ?? 0);
  const value: Record<(typeof COLUMNS)[number], string | number> = {
    id,
    tenantId,
    name,
    state,
    generation: current?.generation ?? 0,
    issuedAt,
  };
  return [
    value,
    COLUMNS.map((column) => value[column])
      .map((one) => (typeof one === 'number' ? one : cell(one)))
      .join(','),
  ];
}
