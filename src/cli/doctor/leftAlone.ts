/**
 * Accounts that wait for another machine than this one, among those that are overdue. Whether the others fit takes a look
 * at every account, which `upslink machine preview` is for.
 */

import type { Db } from '../../db/connection';
import { countLeftAlone, type Machine } from '../../db/leftAlone';
import { makeAccountDefinition } from '../../machines/definition';
import { fail, ok, warn, type Check } from './check';

const NAME = 'left alone';
const LOOKED_AT = 1_000;
/** The sweep comes every second, and to what it leaves alone once a minute. */
const OVERDUE_MS = 120_000;

const NEXT =
  'Run `upslink machine preview`: it says which, and why. Only a process of the version that wrote them can continue them.';

const accounts = (count: number): string => (count === 1 ? '1 overdue account is' : `${count} overdue accounts are`);

/** Looks at no more than a thousand by each instant, the longest overdue. `ours`: what `doctor` itself would run. */
export async function checkLeftAlone(
  db: Db,
  now: () => number,
  ours: Machine = makeAccountDefinition(),
): Promise<Check> {
  const about = { before: now() - OVERDUE_MS, limit: LOOKED_AT };
  const { seen: looked, newer, otherShape } = await countLeftAlone(db, ours, about);
  const versions = newer.map(({ version }) => version).join(' and ');
  const count = newer.reduce((sum, one) => sum + one.count, 0);
  const seen = [
    ...(count > 0 ? [`${accounts(count)} of machine version ${versions}, newer than ours, ${ours.version}`] : []),
    ...(otherShape > 0 ? [`${accounts(otherShape)} of a different machine that also has version ${ours.version}`] : []),
  ].join('; ');
  // A rollout has newer ones for a while; two machines of one number are somebody's mistake.
  if (otherShape > 0) return fail(NAME, seen, NEXT);
  if (count > 0) return warn(NAME, seen, NEXT);
  if (looked === 0) return ok(NAME, 'no account is overdue; `upslink machine preview` tries every account');
  return ok(NAME, `none of the ${looked} longest overdue accounts; \`upslink machine preview\` tries every account`);
}
