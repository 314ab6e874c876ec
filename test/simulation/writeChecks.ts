/** Checks invariants that must hold after every write; the numbers are those in docs/tests.md. */

import { standingOf } from '../../src/machines/definition';
import type { AccountContext } from '../../src/machines/context';
import { grantOf, type Account } from './finalChecks';
import { holdsKey } from './client';
import type { Simulation } from './simulation';

/** Matches the tokens of the fake UPS and the keys of clients. */
const SECRETS = /KEY-acc_|"[ar]\.g\d/;

export function checkWrites({ ups, violations }: Pick<Simulation, 'ups' | 'violations'>) {
  /** Accounts that have held a grant since they were created. */
  const onGrant = new Set<string>();

  return (before: Account | null, next: Account): void => {
    const { id, data, view } = next;
    if (before === null) onGrant.delete(id);
    const { token } = standingOf(next.snapshot.value);
    const { origin } = next.snapshot.context as AccountContext;

    if (data.current && data.current.generation !== before?.data.current?.generation) {
      const grant = grantOf(next);
      if (!ups.isProved(grant?.grantId ?? ''))
        violations.push(`6: ${id} stands on ${grant?.grantId ?? ''}, which nobody proved`);
      onGrant.add(id);
    }
    if (before?.data.accessKey?.sealed && !data.accessKey?.sealed && view.state !== 'inactive' && !onGrant.has(id))
      violations.push(`6: the key of ${id} is destroyed, and nothing was proved instead`);
    const isOnKey = token === 'access-key' || (view.state === 'migrating' && origin?.state === 'connected');
    if (isOnKey && !holdsKey(next)) violations.push(`6: ${id} is ${view.state} on a key that is not there`);
    if (view.state === 'connected' && token !== 'access-key' && !data.current)
      violations.push(`4: ${id} is connected by nothing`);
    if (view.state === 'inactive' && (data.current ?? data.candidate ?? data.accessKey?.sealed))
      violations.push(`8: ${id} is inactive and holds secrets`);
    if (SECRETS.test(JSON.stringify(next))) violations.push(`8: ${id} holds a secret that is not sealed`);
  };
}
