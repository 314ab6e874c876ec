import { HOUR_MS } from '../durations';

/** A longer wish than an hour is a mistake more often than a wish, and would shut the gate for everybody. */
const LONGEST_MS = HOUR_MS;

/** Retry-After as RFC 9110 has it, seconds or an HTTP-date (judged by our wall clock), as a duration; null when absent or unreadable. */
export function readRetryAfter(header: string | string[] | undefined, nowAt: number): number | null {
  const value = (Array.isArray(header) ? header[0] : header)?.trim();
  if (value === undefined || value === '') return null;
  if (/^\d+$/.test(value)) return Math.min(Number(value) * 1000, LONGEST_MS);
  // Only what HTTP calls a date: Date.parse takes "-5" for a year, and a date without GMT for local time.
  const at = /^[A-Z][a-z]+, .* GMT$/.test(value) ? Date.parse(value) : NaN;
  if (Number.isNaN(at)) return null;
  return Math.min(Math.max(at - nowAt, 0), LONGEST_MS);
}
