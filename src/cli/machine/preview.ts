/** `upslink machine preview`: would this machine carry on every stored account? Reads only, writes and sends nothing. */

import type { Db } from '../../db/connection';
import { documentFrom } from '../../db/accounts';
import { damageOf } from '../../db/damage';
import { countAccounts, kindsOf, loadStored, type Kind } from '../../db/kinds';
import { tryOut } from '../../durable/tryOut';
import { inWords } from '../../durable/whole';
import { makeAccountDefinition } from '../../machines/definition';
import { upgraded, type Upgrade } from '../../machines/versions';
import type { Environment } from '../environment';
import { FoundFault } from '../failure';
import type { Output } from '../output';
import { withDb } from '../store';
import { paragraph, table } from '../table';

type Definition = ReturnType<typeof makeAccountDefinition>;

/** The machine to try, and the steps to it: this process's own, unless a test brings another. */
export interface Candidate {
  definition: Definition;
  upgrade: Upgrade;
}

/** Accounts that one machine loads in one way: it looks at nothing in which they differ. */
export interface PreviewKind {
  outcome: 'unchanged' | 'mapped' | 'refused';
  /** Of the machine that wrote them. */
  version: number;
  state: string;
  count: number;
  exampleId: string;
  /** Why they are refused; null when they are not. */
  why: string | null;
}

export interface Preview {
  machineVersion: number;
  accounts: number;
  unchanged: number;
  mapped: number;
  refused: number;
  kinds: PreviewKind[];
}

const ours = (): Candidate => ({ definition: makeAccountDefinition(), upgrade: upgraded });

/** Throws FoundFault when an account would be refused. */
export async function runPreview(env: Environment, out: Output): Promise<void> {
  const found = await withDb(env, (db) => previewOf(db, ours(), (text) => out.remark(text)));
  out.result(found, () => describe(found, out.width));
  if (found.refused > 0) throw new FoundFault();
}

/** A line every few seconds on a long run. */
const SAY_EVERY_MS = 5_000;

/** Kinds that come to the same are one line: they differ in what no line tells, such as which fields are null. */
export async function previewOf(db: Db, candidate: Candidate, say: (text: string) => void): Promise<Preview> {
  const lines = new Map<string, PreviewKind>();
  const total = await countAccounts(db);
  const waiting = setInterval(() => say(`${done(lines)} of about ${total} accounts checked …`), SAY_EVERY_MS);
  try {
    for await (const kind of kindsOf(db)) {
      const found = await judge(db, candidate, kind);
      if (found === null) continue;
      const key = JSON.stringify([found.outcome, found.version, found.state, found.why]);
      const known = lines.get(key);
      if (known === undefined) lines.set(key, found);
      else known.count += found.count;
    }
  } finally {
    clearInterval(waiting);
  }
  return sumOf(candidate, [...lines.values()]);
}

const done = (lines: ReadonlyMap<string, PreviewKind>): number =>
  [...lines.values()].reduce((sum, { count }) => sum + count, 0);

/** One of them is loaded in full, and its timers are tried. Null when the last of them is gone by now. */
async function judge(db: Db, { definition, upgrade }: Candidate, kind: Kind): Promise<PreviewKind | null> {
  const { version, count, exampleId } = kind;
  const stored = await loadStored(db, exampleId);
  if (stored === null) return null;
  const about = { version, state: inWords(kind.value ?? {}), count, exampleId };
  const why = damageOf(stored) ?? tryOut(definition, () => documentFrom(stored, upgrade));
  if (why !== null) return { outcome: 'refused', ...about, why };
  return { outcome: version < definition.version ? 'mapped' : 'unchanged', ...about, why: null };
}

const ORDER = ['refused', 'mapped', 'unchanged'];

function sumOf({ definition }: Candidate, kinds: PreviewKind[]): Preview {
  const counted = (outcome: PreviewKind['outcome']) =>
    kinds.reduce((sum, kind) => sum + (kind.outcome === outcome ? kind.count : 0), 0);
  kinds.sort(
    (a, b) =>
      ORDER.indexOf(a.outcome) - ORDER.indexOf(b.outcome) || a.version - b.version || a.state.localeCompare(b.state),
  );
  const sums = { unchanged: counted('unchanged'), mapped: counted('mapped'), refused: counted('refused') };
  const accounts = sums.unchanged + sums.mapped + sums.refused;
  return { machineVersion: definition.version, accounts, ...sums, kinds };
}

function describe({ machineVersion, accounts, unchanged, mapped, refused, kinds }: Preview, width: number): string {
  const sum = `Machine version ${machineVersion}: ${accounts} accounts, ${unchanged} unchanged, ${mapped} mapped, ${refused} refused.`;
  if (kinds.length === 0) return sum;
  const columns = [
    { head: 'OUTCOME' },
    { head: 'FROM' },
    { head: 'COUNT' },
    { head: 'STATE', shrinksTo: 20 },
    { head: 'EXAMPLE' },
  ];
  const rows = kinds.map(({ outcome, version, count, state, exampleId }) => [
    outcome,
    `v${version}`,
    String(count),
    state,
    exampleId,
  ]);
  const [head = '', ...lines] = table(columns, rows, width).split('\n');
  const explained = lines.map((line, n) => {
    const why = kinds[n]?.why;
    return why ? `${line}\n    ${paragraph(why, { width, indent: 4 })}` : line;
  });
  return [head, ...explained, sum].join('\n');
}
