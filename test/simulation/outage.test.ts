/** Nobody is disconnected by an outage of UPS, and who really was refused is found (design.md, invariant 12). */

import { liveThroughOutages, SHORT_STAGES } from './outage';

it('outages of UPS and mistakes of UPS disconnect nobody, and three merchants who revoked their grant are found', async () => {
  const { stages, lost, revoked, violations } = await liveThroughOutages({ accounts: 40, stages: SHORT_STAGES });
  expect(violations).toEqual([]);
  const unconnected = stages.map(({ told }) => told['account.disconnected'] ?? 0);
  expect(unconnected.reduce((sum, count) => sum + count, 0)).toBe(3);
  expect(lost.map(({ id }) => id).sort()).toEqual([...revoked].sort());
  // Of the one revoked while UPS answered 503 nobody can know what its last send did.
  const reasons = ['refresh-token-revoked', 'refresh-outcome-unknown'];
  for (const { reason } of lost) expect(reasons).toContain(reason);
}, 120_000);
