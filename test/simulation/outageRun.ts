/**
 * Simulates days of outage with many accounts: UPS is away, then refuses our client, then refuses every grant by mistake.
 * No account may be disconnected by that, except those whose merchant revoked the grant meanwhile.
 */

import { standingOf } from '../../src/machines/definition';
import { grantOf, HOUR, MINUTE, withManyAccounts, type ManyAccounts } from './manyAccounts';
import type { Infrastructure } from './infrastructure';
import type { FakeUps } from './fakeUps';

const ACCOUNTS = {
  policyOf: () => 'eager' as const,
  arrivalMs: (50 / 60) * HOUR,
  pace: { sweepMs: 30_000, pickUpMs: HOUR, outagesMs: 4_000 },
  ...{ lanes: 4, idleMs: 10_000 },
};

export interface Stage {
  name: string;
  hours: number;
  begin?: (simulation: OutageRun) => void;
}

interface OutageRun extends ManyAccounts {
  revoke(id: string): void;
}

export interface StageReport {
  name: string;
  hours: number;
  /** What the accounts are at its end, by state and what becomes of their token. */
  accounts: Record<string, number>;
  sends: number;
  /** Outgoing events during it. */
  told: Record<string, number>;
}

export interface OutageReport {
  stages: StageReport[];
  /** The accounts that are not connected at the end, with the reason. */
  lost: { id: string; reason: string | null }[];
  revoked: string[];
  violations: string[];
}

const refuses = (code: FakeUps['faults']['refusesWith'], hours: number) => (simulation: OutageRun) => {
  simulation.ups.faults.refusesWith = code;
  simulation.ups.faults.refusesUntil = simulation.simulator.now() + hours * HOUR;
};
/** Half of its servers refuse: an account refused now may be answered a moment later. */
const refusesByHalves = (hours: number) => (simulation: OutageRun) => {
  refuses('10400', hours)(simulation);
  simulation.ups.faults.refusesTo = () => simulation.simulator.random.is(0.5);
};
/** UPS refuses half of the grants every time, and none of the others. */
const refusesHalf = (hours: number) => (simulation: OutageRun) => {
  refuses('10400', hours)(simulation);
  const hit = new Set(simulation.ids.filter((_, n) => n % 2 === 0).map((id) => grantOf(simulation, id)));
  simulation.ups.faults.refusesTo = (grantId) => hit.has(grantId);
};
const at = (simulation: OutageRun, share: number): string =>
  simulation.ids[Math.floor(share * simulation.ids.length)] ?? '';

/** In each outage one merchant revokes a grant. */
const STAGES: Stage[] = [
  { name: 'all are connected', hours: 1 },
  { name: 'an hour as any other', hours: 1 },
  {
    name: 'UPS answers 503 for half an hour',
    hours: 0.5,
    begin: (simulation) => {
      simulation.ups.faults.awayUntil = simulation.simulator.now() + HOUR / 2;
      simulation.revoke(at(simulation, 0.2));
    },
  },
  { name: 'and is back', hours: 2 },
  {
    name: 'UPS answers 250002 for three days',
    hours: 72,
    begin: (simulation) => {
      refuses('250002', 72)(simulation);
      simulation.revoke(at(simulation, 0.5));
    },
  },
  { name: 'and stops it', hours: 2 },
  {
    name: 'UPS answers every refresh 10400 for an hour',
    hours: 1,
    begin: (simulation) => {
      refuses('10400', 1)(simulation);
      simulation.revoke(at(simulation, 0.8));
    },
  },
  { name: 'then every other for two hours', hours: 2, begin: refusesByHalves(2) },
  { name: 'and altogether', hours: 2 },
  { name: 'UPS answers half of the accounts 10400 for two hours', hours: 2, begin: refusesHalf(2) },
  { name: 'and stops it', hours: 2 },
];

/** The same stages with hours instead of three days, for `npm test`. */
export const SHORT_STAGES: Stage[] = STAGES.map((stage) =>
  stage.hours < 72
    ? stage
    : {
        name: 'UPS answers 250002 for four hours',
        hours: 4,
        begin: (simulation) => {
          refuses('250002', 4)(simulation);
          simulation.revoke(at(simulation, 0.5));
        },
      },
);

export interface OutageOptions {
  accounts: number;
  seed?: number;
  stages?: Stage[];
  progress?: (stage: string, share: number) => void;
}

export const simulateOutages = ({ accounts, seed = 1, stages = STAGES, progress }: OutageOptions) =>
  withManyAccounts({ ...ACCOUNTS, accounts, seed }, (many) => runStages(many, stages, progress));

async function runStages(
  many: ManyAccounts,
  stages: Stage[],
  progress: OutageOptions['progress'],
): Promise<OutageReport> {
  const { simulator, ups, infrastructure, told } = many;
  const revoked: string[] = [];
  const revoke = (id: string): void => {
    revoked.push(id);
    ups.revoke(grantOf(many, id));
  };
  const reports: StageReport[] = [];
  for (const { name, hours, begin } of stages) {
    const sendsBefore = ups.sends();
    for (const type of Object.keys(told)) delete told[type];
    begin?.({ ...many, revoke });
    const from = simulator.now();
    for (let minute = 1; minute <= hours * 60; minute++) {
      await simulator.runUntil(from + minute * MINUTE);
      progress?.(name, minute / (hours * 60));
    }
    reports.push({
      name,
      hours,
      accounts: countByState(infrastructure),
      sends: ups.sends() - sendsBefore,
      told: { ...told },
    });
  }
  const lost = infrastructure.memory
    .documents()
    .filter(({ view, snapshot }) => view.state !== 'connected' || standingOf(snapshot.value).token === 'ending')
    .map(({ id, view }) => ({ id, reason: view.reason }));
  return { stages: reports, lost, revoked, violations: many.violations() };
}

function countByState(infrastructure: Infrastructure): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { view, snapshot } of infrastructure.memory.documents()) {
    const { token } = standingOf(snapshot.value);
    const name = [view.state, token].filter(Boolean).join(' ');
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
