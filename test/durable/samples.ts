/** Documents and rows of no particular meaning, for tests of what carries them. */

import type { AccountData } from '../../src/machines/data';
import { accountData } from '../machines/accountBuilder';
import { MACHINE_VERSION } from '../../src/machines/account';
import type { AccountView } from '../../src/machines/definition';
import { noOutlook } from '../../src/machines/outlook';
import type { Document, HistoryEntry, Row } from '../../src/durable/types';

export type AccountDocument = Document<AccountData, AccountView>;

export const AT = Date.UTC(2026, 10, 23, 8);

export function sampleDocument(over: Partial<AccountDocument> = {}): AccountDocument {
  return {
    id: 'acc_sample',
    tenantId: 'acme',
    version: MACHINE_VERSION,
    shape: null,
    rev: 1,
    seq: 1,
    firstSeq: 1,
    snapshot: {
      status: 'active',
      value: { life: 'created', consent: 'idle', key: 'none', horizon: 'unwatched' },
      context: { at: AT, reason: null, facts: {} },
      historyValue: {},
    },
    timers: [],
    invocations: [],
    outbox: [],
    checkpointSeq: 0,
    data: accountData(),
    view: {
      state: 'created',
      scheme: null,
      reason: null,
      name: 'UPS East',
      accountNumber: 'A1B2C3',
      externalId: null,
      ...noOutlook,
    },
    wakeAt: null,
    upsAt: null,
    upsQueue: null,
    createdAt: AT,
    updatedAt: AT,
    ...over,
  };
}

export function sampleRow(seq: number, over: Partial<Row> = {}): Row {
  return {
    seq,
    at: AT + seq,
    event: { type: 'REFRESH' },
    facts: { at: AT + seq },
    actor: 'machine',
    from: seq === 1 ? null : 'created',
    to: 'created',
    eventId: `event-${seq}`,
    bodyHash: null,
    routine: false,
    version: 1,
    outgoing: [],
    ...over,
  };
}

export const sampleEntry = (id: string, row: Row, checkpoint: HistoryEntry['checkpoint'] = null): HistoryEntry => ({
  id,
  tenantId: 'acme',
  row,
  checkpoint,
});

export const checkpointAt = (seq: number): NonNullable<HistoryEntry['checkpoint']> => ({
  seq,
  at: AT + seq,
  version: MACHINE_VERSION,
  snapshot: sampleDocument().snapshot,
  timers: [],
  invocations: [],
});
