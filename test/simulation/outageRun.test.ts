/** Nobody is disconnected by an outage of UPS, and who really was refused is found (design.md, invariant 12). */

import { simulateOutages, SHORT_STAGES } from './outageRun';

it('outages of UPS and mistakes of UPS disconnect nobody, and three merchants who revoked their grant are found', async () => {
  // Of fewer, half would be too few in ten minutes to make a wave.
  const { stages, lost, revoked, violations } = await simulateOutages({ accounts: 80, stages: SHORT_STAGES });
  expect(violations).toEqual([]);
  const told = (type: string) => stages.slice(1).reduce((sum, stage) => sum + (stage.told[type] ?? 0), 0);
  expect(told('account.disconnected')).toBe(3);
  // Whoever was asked to reconnect is told that it is not needed after all, but for these three.
  expect(told('account.reconnect-needed') - told('account.connected')).toBe(3);
  expect(lost.map(({ id }) => id).sort()).toEqual([...revoked].sort());
  // Of the one revoked while UPS answered 503 nobody can know what its last send did.
  const reasons = ['refresh-token-revoked', 'refresh-outcome-unknown'];
  for (const { reason } of lost) expect(reasons).toContain(reason);
}, 120_000);
