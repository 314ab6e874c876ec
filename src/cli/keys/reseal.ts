/**
 * `upslink keys reseal`: everything that is sealed moves to the first key of ENCRYPTION_KEYS, beside the running service.
 *
 * 1. Nothing is moved to a key whose bytes are not those the service seals with: what the first key sealed so far must open.
 * 2. A secret is opened and sealed under one binding, and written under `rev`: a lost race is read again (move.ts).
 * 3. It keeps no note of how far it is: what is on the first key already is passed over, so it can be stopped, killed,
 *    repeated, and run twice at once.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Db } from '../../db/connection';
import { keepFingerprintKeys } from '../../db/fingerprints';
import { countAccounts, loadStored } from '../../db/kinds';
import { allKeyed, countKeyUse, listAccountKeys, listLinkKeys, type KeyUse } from '../../db/keyUse';
import { boxesOf } from '../../db/sealed';
import { keyIdOf, makeVault, SealBroken, type Sealed, type Vault } from '../../db/vault';
import { loadKeysConfig, type Environment } from '../environment';
import { CliError, FoundFault, UsageError } from '../failure';
import type { Output } from '../output';
import { makeProgress } from '../progress';
import { withOpenDb } from '../store';
import { paragraph, table } from '../table';
import { moveAccount, moveFingerprintKeys, moveLink, type Moved, type Stuck } from './move';
import { EVERY_PROCESS, leftOf, type KeyLeft } from './use';

export interface ResealOptions {
  rate: string;
}

interface Report {
  keyId: string;
  /** Accounts looked at. */
  accounts: number;
  /** Secrets moved. */
  moved: number;
  stuck: Stuck[];
  stuckOmitted: number;
}

const STUCK_KEPT = 10_000;
const STUCK_SHOWN = 50;
/** At once; so many are in hand when it is told to stop. */
const LANES = 8;
const RATE_MAX = 100_000;

export async function runReseal(env: Environment, out: Output, { rate }: ResealOptions): Promise<void> {
  const perSecond = rateOf(rate);
  const config = loadKeysConfig(env);
  const ring = config.encryptionKeys;
  const vault = makeVault(ring);
  await withOpenDb(config, async (db) => {
    const stopping = listenForStop();
    try {
      const how = { perSecond, out, isStopped: stopping.isAsked };
      await assertServiceKey(db, vault, await countWithProgress(db, how), out);
      const report = await resealAll(db, vault, how);
      const use = await countWithProgress(db, how);
      const isStopped = stopping.isAsked();
      const left = isStopped ? null : leftOf(use, ring, null);
      if (isStopped) out.remark('Stopped. Resealed secrets are kept; run the command again to continue.');
      out.result({ ...report, left, ...(isStopped && { stopped: true }) }, () => describe(report, left, out.width));
      if (isStopped || report.stuck.length > 0 || !isDone(left)) throw new FoundFault();
    } finally {
      stopping.forget();
    }
  });
}

const isDone = (left: KeyLeft[] | null): boolean =>
  left !== null && left.every(({ role, total }) => role === 'seals' || total === 0);

function rateOf(text: string): number {
  const rate = Number(text);
  if (/^\d{1,6}$/.test(text) && rate >= 1 && rate <= RATE_MAX) return rate;
  throw new UsageError(`--rate must be a whole number from 1 to ${RATE_MAX}, in accounts a second.`);
}

function listenForStop() {
  let isAsked = false;
  const stop = () => void (isAsked = true);
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  return { isAsked: () => isAsked, forget: () => signals.forEach((signal) => process.off(signal, stop)) };
}

/** A secret that is moved to a key the service does not have is lost to it. */
async function assertServiceKey(db: Db, vault: Vault, use: KeyUse, out: Output): Promise<void> {
  const first = vault.sealsWith;
  out.remark(EVERY_PROCESS);
  const sealedBefore = use.get(first)?.examples ?? [];
  if (sealedBefore.length === 0 && use.size > 0)
    out.remark(`Nothing is sealed with '${first}' yet: the service has not used it so far.`);
  const stored = await Promise.all(sealedBefore.map((id) => loadStored(db, id)));
  const boxes = stored
    .flatMap((one) => (one === null ? [] : boxesOf(one)))
    .filter(({ sealed }) => keyIdOf(sealed) === first);
  if (boxes.length === 0 || boxes.some((box) => opens(vault, box))) return;
  throw new CliError(
    'seal-broken',
    `Secrets sealed with '${first}' do not open with it. Nothing was changed: use the ENCRYPTION_KEYS of the service.`,
  );
}

function opens(vault: Vault, { sealed, belonging }: Sealed): boolean {
  try {
    vault.open(sealed, belonging);
    return true;
  } catch (error) {
    if (error instanceof SealBroken) return false;
    throw error;
  }
}

/** What it counted until it was told to stop. */
async function countWithProgress(db: Db, { out, isStopped }: How): Promise<KeyUse> {
  const total = await countAccounts(db);
  const progress = makeProgress(out, 'accounts counted');
  const looked = (done: number) => progress.reached({ done, share: shareOf(done, total) });
  return countKeyUse(db, { looked, isStopped }).finally(() => progress.end());
}

const shareOf = (done: number, total: number): number | null => (total > 0 ? Math.min(1, done / total) : null);

interface How {
  perSecond: number;
  out: Output;
  isStopped: () => boolean;
}

async function resealAll(db: Db, vault: Vault, how: How): Promise<Report> {
  const { out, isStopped } = how;
  const report: Report = { keyId: vault.sealsWith, accounts: 0, moved: 0, stuck: [], stuckOmitted: 0 };
  const note = ({ moved, stuck }: Moved): void => {
    report.moved += moved;
    const kept = stuck.slice(0, STUCK_KEPT - report.stuck.length);
    report.stuck.push(...kept);
    report.stuckOmitted += stuck.length - kept.length;
  };
  await keepFingerprintKeys(db, vault);
  note(await moveFingerprintKeys(db, vault));
  const total = await countAccounts(db);
  const progress = makeProgress(out, 'accounts');
  const isOlder = ({ keyIds }: { keyIds: string[] }) => keyIds.some((keyId) => keyId !== vault.sealsWith);
  try {
    for await (const page of allKeyed(db, listAccountKeys)) {
      if (isStopped()) break;
      const ids = page.filter(isOlder).map(({ id }) => id);
      const before = report.accounts;
      await inBatches(ids, how, async (id, n) => {
        note(await moveAccount(db, vault, id));
        const done = before + Math.round((page.length * (n + 1)) / ids.length);
        progress.reached({ done, share: shareOf(done, total) });
      });
      report.accounts += page.length;
      progress.reached({ done: report.accounts, share: shareOf(report.accounts, total) });
    }
    for await (const page of allKeyed(db, listLinkKeys)) {
      if (isStopped()) break;
      const ids = page.filter(isOlder).map(({ id }) => id);
      await inBatches(ids, how, async (id) => note(await moveLink(db, vault, id)));
    }
  } finally {
    progress.end();
  }
  return report;
}

/** A few at once, and no more a second than was asked for: the service has its own work. */
async function inBatches(
  ids: string[],
  { perSecond, isStopped }: How,
  work: (id: string, n: number) => Promise<void>,
): Promise<void> {
  const lanes = Math.min(LANES, perSecond);
  for (let n = 0; n < ids.length && !isStopped(); n += lanes) {
    const batch = ids.slice(n, n + lanes);
    const pause = delay((1000 * batch.length) / perSecond);
    await Promise.all(batch.map((id, place) => work(id, n + place)));
    await pause;
  }
}

function describe({ keyId, moved, stuck, stuckOmitted }: Report, left: KeyLeft[] | null, width: number): string {
  const head = `${moved} secrets resealed with '${keyId}', ${stuck.length + stuckOmitted} left as they are.`;
  return [head, ...(left ? [describeLeft(left, width)] : []), ...describeStuck(stuck, stuckOmitted, width)].join(
    '\n\n',
  );
}

const COLUMNS = ['KEY', 'ROLE', 'ACCOUNTS', 'CAMPAIGN LINKS', 'FINGERPRINT KEYS'].map((head) => ({ head }));

function describeLeft(left: KeyLeft[], width: number): string {
  const rows = left.map(({ keyId, role, accounts, campaignLinks, fingerprintKeys }) => [
    ...[keyId, role === 'missing' ? 'not in the ring' : role],
    ...[accounts, campaignLinks, fingerprintKeys].map(String),
  ]);
  const next = isDone(left)
    ? 'Run `upslink doctor`, which also counts the spool, before you remove a key.'
    : `Secrets are left on other keys. ${EVERY_PROCESS} Then run the command again.`;
  return `${table(COLUMNS, rows, width)}\n${next}`;
}

function describeStuck(stuck: Stuck[], omitted: number, width: number): string[] {
  if (stuck.length === 0) return [];
  const shown = stuck.slice(0, STUCK_SHOWN);
  const more = stuck.length + omitted - shown.length;
  const rest = more > 0 ? [`… and ${more} more: use --json to see them.`] : [];
  return [
    [...shown.map(({ id, message }) => paragraph(`${id}: ${message}`, { width, indent: 2 })), ...rest].join('\n'),
  ];
}
