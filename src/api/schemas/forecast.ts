/** What lies ahead of the grants, as it is answered. */

import { z } from 'zod';

const instant = z.iso.datetime();
const day = z.iso.date().describe('UTC.');

const nearestLapseSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  name: z.string(),
  accountNumber: z.string(),
  token: z.string().nullable().describe('Where its token stands, as in stateDetail.'),
  refreshExpiresAt: instant,
  daysLeft: z.int(),
  refreshAt: instant.nullable().describe('When it is refreshed or tried again next; null: not by itself for now.'),
});

export const forecastSchema = z
  .object({
    at: instant,
    lapses: z.object({
      total: z.int(),
      perDay: z.array(z.object({ day, grants: z.int() })).describe('Today and the 60 days after.'),
      nearest: z.array(nearestLapseSchema).describe('By day, at most 20.'),
    }),
    refreshes: z.object({
      accounts: z
        .int()
        .describe(
          'Those that refresh by themselves; the held ones wait, and a grant that died before today is not refreshed any more.',
        ),
      perHour: z.array(z.object({ from: instant, refreshes: z.int() })).describe('24 hours from this one on.'),
      perDay: z.array(z.object({ from: instant, refreshes: z.int() })).describe('60 times 24 hours from this hour on.'),
    }),
  })
  .meta({ id: 'Forecast' });

export type ForecastJson = z.output<typeof forecastSchema>;
export type NearestLapseJson = z.output<typeof nearestLapseSchema>;
