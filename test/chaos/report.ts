/** Formats the result of a run as a table. */

import type { ChaosOptions } from './options';
import type { Incident } from './faultInjector';
import { faultInWords, faultKinds } from './faultPlan';
import { refusalInWords } from './redisRefusals';
import { checks, type CheckResult } from './checks';

export interface Report extends CheckResult {
  options: ChaosOptions;
  incidents: readonly Incident[];
  serverName: string;
  /** The folder of logs and data if there were violations; null when it was removed. */
  folder: string | null;
}

const SHOWN = 5;

const line = (what: string, count: number): string => `${what.padEnd(38)} ${String(count).padStart(9)}`;

export function formatReport({ figures, violations, incidents, options, serverName, folder }: Report): string {
  const count = (name: string) => violations.filter(({ check }) => check === name).length;
  const times = (which: (one: Incident) => boolean): number => incidents.filter(which).length;
  const refused = Object.values(refusalInWords).map((what) =>
    line(
      `… ${what}`,
      times(({ who }) => who === what),
    ),
  );
  const done = faultKinds
    .flatMap((kind) => [
      line(
        faultInWords[kind],
        times((one) => one.kind === kind),
      ),
      ...(kind === 'refused' ? refused : []),
    ])
    .filter((text) => !/ 0$/.test(text));
  const wrong = checks.flatMap((name) => [
    line(name, count(name)),
    ...violations
      .filter(({ check }) => check === name)
      .slice(0, SHOWN)
      .map(({ what }) => `    ${what}`),
  ]);
  return [
    `seed ${options.seed}, ${options.accounts} accounts, ${Math.round((options.storeAwayMs || options.lastsMs) / 1_000)} s, on ${serverName}`,
    ...['', 'what went wrong', ...done],
    ...['', 'what came of it', ...Object.entries(figures).map(([what, n]) => line(what, n))],
    ...['', 'what must be 0', ...wrong],
    '',
    verdictOf(violations.length, options.seed, folder),
  ].join('\n');
}

function verdictOf(count: number, seed: number, folder: string | null): string {
  if (count === 0) return 'Everything is as it must be.';
  const kept = folder === null ? '' : ` Logs and data are kept in ${folder}.`;
  return `${count} ${count === 1 ? 'thing is' : 'things are'} not as it must be. The same plan again: --seed ${seed}.${kept}`;
}
