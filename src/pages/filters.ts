/** Filters as an address holds them: what makes sense is kept, what makes none is left out and named. */

import type { z } from 'zod';

export function keptFilters<S extends z.ZodType>(
  schema: S,
  query: Record<string, string>,
): { filters: z.output<S>; dropped: string[] } {
  const given = Object.entries(query).filter(([name, value]) => name !== 'tenantId' && value !== '');
  const read = schema.safeParse(Object.fromEntries(given));
  if (read.success) return { filters: read.data, dropped: [] };
  const dropped = [...new Set(read.error.issues.flatMap(namesIn))];
  const kept = Object.fromEntries(given.filter(([name]) => !dropped.includes(name)));
  const again = schema.safeParse(kept);
  return { filters: again.success ? again.data : schema.parse({}), dropped };
}

function namesIn(issue: { code: string; path: PropertyKey[]; keys?: string[] }): string[] {
  return issue.code === 'unrecognized_keys' ? (issue.keys ?? []) : [String(issue.path[0])];
}
