/**
 * An answer of UPS that cannot be had again, as it lies in the second place: ids and instants in the clear, so that it can be
 * found and told of; everything else in a box of the vault, bound to tenant, account, grant and generation.
 */

import { z } from 'zod';
import type { Vault } from '../../db/vault';
import type { RefreshOutput } from '../../machines/context';
import type { Outcome } from '../work';

/** Exchange and refresh bring the same: a pair, and what is known of it. */
export type TokensOutput = Extract<RefreshOutput, { kind: 'tokens' }>;

export interface Answer {
  tenantId: string;
  accountId: string;
  /** Of the invocation it answers, and which attempt of it. */
  key: string;
  attempt: number;
  /** Minted once, before the first try to store it: however many hold the answer, history takes it once. */
  eventId: string;
  output: TokensOutput;
  secrets: NonNullable<Outcome['secrets']>;
}

/** Grows when an older process could not read what is written. */
const FORMAT = 1;

const idSchema = z.string().regex(/^[\w-]+$/);

const sealedAnswerSchema = z.strictObject({
  format: z.literal(FORMAT),
  tenantId: z.string(),
  accountId: idSchema,
  grantId: z.string(),
  generation: z.int().positive(),
  eventId: idSchema,
  /** When it was first kept. */
  at: z.number(),
  box: z.string(),
});
export type SealedAnswer = z.output<typeof sealedAnswerSchema>;

const FIELD = 'answer';

const belongingOf = ({ tenantId, accountId, grantId, generation }: Omit<SealedAnswer, 'box'>) => ({
  ...{ tenantId, accountId, grantId, generation },
  field: FIELD,
});

export function sealAnswer(vault: Pick<Vault, 'seal'>, answer: Answer, at: number): SealedAnswer {
  const { tenantId, accountId, eventId } = answer;
  const { grantId, generation } = answer.output.tokens;
  const open = { format: FORMAT, tenantId, accountId, grantId, generation, eventId, at } as const;
  return { ...open, box: vault.seal(JSON.stringify(answer), belongingOf(open)) };
}

/** Throws VaultKeyMissing or SealBroken. What it says is the box's word alone: nothing outside it can be changed unseen. */
export const openAnswer = (vault: Pick<Vault, 'open'>, { box, ...about }: SealedAnswer): Answer =>
  JSON.parse(vault.open(box, belongingOf(about))) as Answer;

/** `half-written`: no JSON. `other-format`: whole, but whoever wrote it knows more. */
export function readSealedAnswer(text: string): SealedAnswer | 'half-written' | 'other-format' {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'half-written';
  }
  const { data } = sealedAnswerSchema.safeParse(value);
  return data ?? 'other-format';
}
