/** `upslink accounts erase`: a closed account and its history, except a receipt. */

import { createInterface } from 'node:readline/promises';
import type { AccountDocument } from '../../db/accounts';
import type { Db } from '../../db/connection';
import { bury, finishErasure, type Receipt } from '../../db/erasure';
import { unlessMissing } from '../../durable/errors';
import { standingOf } from '../../machines/definition';
import type { Environment } from '../environment';
import { CliError, UsageError } from '../failure';
import type { Output } from '../output';
import { runtimeOn } from '../runtime';
import { withDb } from '../store';
import { fields } from '../table';

export interface EraseOptions {
  tenant: string;
  yes?: boolean;
  json?: boolean;
}

const TRIES = 5;

export async function runErase(env: Environment, out: Output, id: string, options: EraseOptions): Promise<void> {
  const receipt = await withDb(env, (db) => erase(db, id, options, out));
  const shown = { ...receipt, erasedAt: new Date(receipt.erasedAt).toISOString() };
  out.result(shown, () =>
    fields(
      [
        ['erased', shown.accountId],
        ['tenant', shown.tenantId],
        ['last seq', String(shown.seq)],
        ['at', shown.erasedAt],
        ['by', shown.erasedBy],
      ],
      out.width,
    ),
  );
}

function assertClosed({ snapshot, id }: AccountDocument): void {
  const { state, key } = standingOf(snapshot.value);
  if (state !== 'inactive')
    throw new CliError('not-closed', `Account ${id} is ${state}: deactivate it first, then erase it.`);
  if (key !== 'none')
    throw new CliError('not-closed', `The receipt of the access key of ${id} is being written: try again in a moment.`);
}

async function erase(db: Db, id: string, options: EraseOptions, out: Output): Promise<Receipt> {
  const { tenant } = options;
  const runtime = runtimeOn(db);
  for (let tries = 1; tries <= TRIES; tries++) {
    const document = await runtime.load(id, tenant).catch(unlessMissing);
    if (document === null) return finished(db, id, tenant);
    assertClosed(document);
    if (tries === 1) await confirm(document, options, out);
    // What the world is still to be told of it is told first.
    if (document.outbox.length > 0) await runtime.relay.relayNow([document]);
    else if (await bury(db, document, { by: 'cli', at: Date.now() })) return finished(db, id, tenant);
  }
  throw new CliError('too-busy', `Other processes keep changing account ${id}: try again in a moment.`);
}

/** Also what another call began and could not end. */
async function finished(db: Db, id: string, tenant: string): Promise<Receipt> {
  const receipt = await finishErasure(db, id, tenant);
  if (receipt) return receipt;
  throw new CliError('not-found', `There is no account ${id} in tenant ${tenant}.`);
}

async function confirm({ data, id }: AccountDocument, { yes = false }: EraseOptions, out: Output): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY)
    throw new UsageError('Not an interactive terminal: pass --yes to erase the account for good.');
  out.remark(
    `This erases ${data.settings.name} (${id}) and its history for good, and its name and numbers in campaigns.`,
  );
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await asking.question('Type its name to continue: ').finally(() => asking.close());
  if (answer.trim() !== data.settings.name) throw new CliError('not-confirmed', 'Not erased: the name does not match.');
}
