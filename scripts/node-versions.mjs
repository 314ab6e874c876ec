// Which Node this runs on, and for how long that one is supported. Node's own modules only.

/** By major version, the day its support ends: https://github.com/nodejs/Release/blob/main/schedule.json, "end". */
const ENDS = {
  20: '2026-04-30',
  21: '2024-06-01',
  22: '2027-04-30',
  23: '2025-06-01',
  24: '2028-04-30',
  25: '2026-06-01',
  26: '2029-04-30',
};

/** The long-term release the image runs on. */
export const NODE_LTS = 24;

/** A sentence for whoever runs it, or null: one that is not in the table is newer than it. */
export function warningFor(version, now) {
  const end = ENDS[Number.parseInt(version, 10)];
  if (end === undefined || now < Date.parse(`${end}T24:00:00Z`)) return null;
  return `Node ${version} has had no security fixes since ${end}: install Node ${NODE_LTS}, a long-term support release.`;
}
