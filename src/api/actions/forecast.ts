/** What lies ahead: grants that die if nothing happens, and refreshes that are due. */

import type { AccountDocument } from '../../db/accounts';
import { countLapses, countRefreshes, nearestLapses, type Refreshes } from '../../db/forecast';
import { DAY_MS, HOUR_MS } from '../../durations';
import { standingOf } from '../../machines/definition';
import { daysLeft } from '../../machines/timing';
import { instant, instantOrNull } from '../present';
import type { Caller } from '../roles';
import type { ForecastJson, NearestLapseJson } from '../schemas/forecast';
import { action } from './action';

const DAYS = 60;
const HOURS = DAYS * 24;
const NEAREST = 20;

const sum = (numbers: number[]): number => numbers.reduce((total, one) => total + one, 0);

/** Expected refreshes by the hour. Who refreshes all day is spread over it; who is kept alive comes at its hour, and a period later. */
export function loadOf(groups: Refreshes[], hour0: number): number[] {
  const load = new Array<number>(HOURS).fill(0);
  for (const { refreshOn, refreshEveryMs, count } of groups) {
    if (refreshOn === null) {
      for (let hour = 0; hour < HOURS; hour++) load[hour] = (load[hour] ?? 0) + (count * HOUR_MS) / refreshEveryMs;
      continue;
    }
    // What is overdue is due now. More than one in an hour is not kept apart: nobody is kept alive that often for long.
    for (let at = Math.max(refreshOn, hour0); at < hour0 + HOURS * HOUR_MS; at += Math.max(refreshEveryMs, HOUR_MS)) {
      const hour = Math.floor((at - hour0) / HOUR_MS);
      load[hour] = (load[hour] ?? 0) + count;
    }
  }
  return load;
}

function presentLapse({ id, tenantId, data, snapshot, upsAt }: AccountDocument, at: number): NearestLapseJson[] {
  if (data.current === null) return [];
  const { refreshExpiresAt } = data.current;
  const { token } = standingOf(snapshot.value);
  return [
    {
      ...{ id, tenantId, name: data.settings.name, accountNumber: data.settings.accountNumber, token },
      refreshExpiresAt: instant(refreshExpiresAt),
      daysLeft: daysLeft(at, refreshExpiresAt),
      refreshAt: instantOrNull(token === 'held' ? null : upsAt),
    },
  ];
}

export const getForecast = action(
  'read',
  async ({ db, clock }, { tenantId }: Caller, _input: Record<string, unknown>): Promise<ForecastJson> => {
    const now = clock.now();
    const today = now - (now % DAY_MS);
    const hour0 = now - (now % HOUR_MS);
    const span = { tenantId, from: today, to: today + (DAYS + 1) * DAY_MS };
    const [lapses, groups, nearest] = await Promise.all([
      countLapses(db, span),
      countRefreshes(db, span),
      nearestLapses(db, span, NEAREST),
    ]);
    const lapsesOn = new Map(lapses.map(({ day, count }) => [day, count]));
    const load = loadOf(groups, hour0);
    return {
      at: instant(now),
      lapses: {
        total: sum(lapses.map(({ count }) => count)),
        perDay: Array.from({ length: DAYS + 1 }, (_, n) => {
          const day = today + n * DAY_MS;
          return { day: instant(day).slice(0, 10), grants: lapsesOn.get(day) ?? 0 };
        }),
        nearest: nearest
          .flatMap((document) => presentLapse(document, now))
          .sort((a, b) => a.refreshExpiresAt.localeCompare(b.refreshExpiresAt)),
      },
      refreshes: {
        accounts: sum(groups.map(({ count }) => count)),
        perHour: Array.from({ length: 24 }, (_, n) => ({
          from: instant(hour0 + n * HOUR_MS),
          refreshes: Math.round(load[n] ?? 0),
        })),
        perDay: Array.from({ length: DAYS }, (_, n) => ({
          from: instant(hour0 + n * DAY_MS),
          refreshes: Math.round(sum(load.slice(n * 24, n * 24 + 24))),
        })),
      },
    };
  },
);
