/** What the runners share: their parts, and UPS's words as the account keeps them. */

import type { AccountDocument } from '../../db/accounts';
import type { Vault } from '../../db/vault';
import type { Clock } from '../../durable/types';
import type { TokenFacts } from '../../machines/context';
import type { UpsAnswer } from '../../machines/data';
import type { Gate, Later, NotSent, Tokens, UpsClient, UpsSaid } from '../../ups';
import type { WaveEars } from '../outages';
import type { Recall } from '../spool';
import { codeOf, nameOf, type WorkLog } from '../work';

export interface RunnerParts {
  client: UpsClient;
  gate: Pick<Gate, 'state'>;
  vault: Pick<Vault, 'open'>;
  clock: Clock;
  log: WorkLog;
  /** Waits so many milliseconds. */
  wait(ms: number): Promise<void>;
  /** Asked before UPS is asked again; without a second place there is nothing to ask. */
  recall?: Recall;
  /** Told how refreshes end: what many accounts are refused with is no fault of theirs. */
  waves?: WaveEars;
}

export const wordOf = (said: UpsSaid, at: number): UpsAnswer => ({
  at,
  endpoint: said.endpoint,
  httpStatus: said.httpStatus,
  code: said.code,
  message: said.message ?? (said.fault === null ? null : `No whole answer came: ${said.fault}.`),
  ...(said.unread && { unread: said.unread }),
});

/** What UPS said; null for a call that we ourselves kept back, which must not hide UPS's last word. */
export const notSentWord = (answer: NotSent, at: number): UpsAnswer | null =>
  ['gate-closed', 'too-late', 'closed', 'no-connection'].includes(answer.cause) ? null : wordOf(answer.ups, at);

export const retryAtOf = (answer: Later | NotSent, at: number): number | null =>
  answer.kind === 'not-sent' ? answer.retryAt : answer.retryAfterMs === null ? null : at + answer.retryAfterMs;

/** `endsAt` is the expiry of a kept refresh token when the answer names none. */
export const pairOf = (
  tokens: Tokens,
  { grantId, generation, endsAt }: { grantId: string; generation: number; endsAt: number },
): { facts: TokenFacts; secrets: Pair } => ({
  facts: {
    grantId,
    generation,
    issuedAt: tokens.sentAt,
    accessExpiresAt: tokens.accessExpiresAt,
    refreshExpiresAt: tokens.refreshExpiresAt ?? endsAt,
  },
  secrets: { access: tokens.accessToken, refresh: tokens.refreshToken },
});

export interface Pair {
  access: string;
  refresh: string;
}

/** A sealed secret of the account; null when this service cannot open it, which is never the account's fault. */
export function openSealed(
  { vault, log }: Pick<RunnerParts, 'vault' | 'log'>,
  document: AccountDocument,
  sealed: string,
  about: { field: string; grantId: string; generation: number },
): string | null {
  try {
    return vault.open(sealed, { ...about, tenantId: document.tenantId, accountId: document.id });
  } catch (error) {
    const what = { accountId: document.id, field: about.field, code: codeOf(error) ?? nameOf(error) };
    log.error(what, 'A sealed secret cannot be opened; the account waits until it can.');
    return null;
  }
}
