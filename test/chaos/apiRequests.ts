/** Repeats a request until it is answered, as a platform does while a service restarts. */

import { setTimeout as delay } from 'node:timers/promises';
import type { TestSystem } from './system';
import type { ClientRecords } from './clientRecords';

export interface ApiAnswer {
  status: number;
  body: Record<string, unknown>;
  tries: number;
  tookMs: number;
}

export interface Request {
  method: string;
  path: string;
  body?: object;
  asOperator?: boolean;
  /** Set for a request that may stay unanswered. */
  withinMs?: number;
}

export type Ask = (request: Request) => Promise<ApiAnswer | null>;

const TIMEOUT_MS = 15_000;
const PAUSE_MS = 300;
/** The service asks the client to repeat the request later. */
const LATER = [429, 502, 503, 504];

/** Resolves to null when `giveUp` aborts or `withinMs` has passed. */
export function makeAsk(
  { apiUrl, keys }: Pick<TestSystem, 'apiUrl' | 'keys'>,
  records: ClientRecords,
  giveUp: AbortSignal,
): Ask {
  async function once({
    method,
    path,
    body,
    asOperator = false,
  }: Request): Promise<{ status: number; text: string } | null> {
    const headers = {
      authorization: `Bearer ${asOperator ? keys.operator : keys.platform}`,
      ...(body && { 'content-type': 'application/json' }),
    };
    const signal = AbortSignal.any([AbortSignal.timeout(TIMEOUT_MS), giveUp]);
    const init = { method, headers, signal, ...(body && { body: JSON.stringify(body) }) };
    try {
      const response = await fetch(`${apiUrl}/v1${path}`, init);
      return { status: response.status, text: await response.text() };
    } catch {
      return null;
    }
  }

  return async (request) => {
    const begun = performance.now();
    const { withinMs = Infinity } = request;
    for (let tries = 1; !giveUp.aborted && performance.now() - begun < withinMs; tries += 1) {
      const answer = await once(request);
      if (answer !== null && !LATER.includes(answer.status)) {
        const body = (answer.text === '' ? {} : JSON.parse(answer.text)) as Record<string, unknown>;
        return { status: answer.status, body, tries, tookMs: performance.now() - begun };
      }
      await delay(PAUSE_MS * Math.min(tries, 5), undefined, { signal: giveUp }).catch(() => undefined);
    }
    if (withinMs === Infinity)
      records.unanswered.push(`${request.method} ${request.path} ${JSON.stringify(request.body ?? {})}`);
    return null;
  };
}
