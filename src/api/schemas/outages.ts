/** What is out of order between us and UPS, as it is answered. */

import { z } from 'zod';

const instant = z.string().meta({ format: 'date-time' });

const circuitSchema = z.object({
  name: z.enum(['ups', 'token', 'refresh', 'rate']).describe('UPS itself, or our client at one endpoint.'),
  state: z.enum(['closed', 'open', 'half-open']),
  until: instant.nullable().describe('Nothing is asked of UPS until then.'),
  why: z.string().nullable(),
});

const waveSchema = z.object({
  code: z.string().describe("UPS's code, or our word for a no without one."),
  state: z.enum(['held', 'released', 'applied']),
  since: instant,
  decidedBy: z.string().nullable(),
  decidedByName: z.string().nullable().describe('The name of the key that ended it.'),
  canaries: z.int().describe('Accounts that were tried for all of them.'),
  refusedCanaries: z.int(),
  nextCanaryAt: instant.nullable(),
});

export const outagesSchema = z
  .object({ circuits: z.array(circuitSchema), waves: z.array(waveSchema) })
  .meta({ id: 'Outages' });

export const waveActions = ['release', 'apply'] as const;
export type WaveAction = (typeof waveActions)[number];
export type OutagesJson = z.infer<typeof outagesSchema>;
export type WaveJson = z.infer<typeof waveSchema>;
