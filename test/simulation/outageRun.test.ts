/** An outage of UPS disconnects no account, and a merchant who revoked a grant is still found (invariant 12). */

import { simulateOutages, SHORT_STAGES } from './outageRun';

it('outages of UPS and mistakes of UPS disconnect nobody, and three merchants who revoked their grant are found', async () => {
  // With fewer accounts, half of them would be too few in ten minutes to make a wave.
  const { stages, lost, revoked, violations } = await simulateOutages({ accounts: 80, stages: SHORT_STAGES });
  expect(violations).toEqual([]);
  const told = (type: string) => stages.slice(1).reduce((sum, stage) => sum + (stage.told[type] ?? 0), 0);
  expect(told('account.disconnected')).toBe(3);
  // Every account that was asked to reconnect is later told it is connected, except these three.
  expect(told('account.reconnect-needed') - told('account.connected')).toBe(3);
  expect(lost.map(({ id }) => id).sort()).toEqual([...revoked].sort());
  // The outcome of the last send is unknown for the account revoked while UPS answered 503.
  const reasons = ['refresh-token-revoked', 'refresh-outcome-unknown'];
  for (const { reason } of lost) expect(reasons).toContain(reason);
}, 120_000);
