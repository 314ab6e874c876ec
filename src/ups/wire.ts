/**
 * One POST to UPS, and whether it left.
 *
 * 1. `not-sent` is a proof, not a guess from an error code: undici calls `onRequestStart` in the same turn of the event loop in which
 *    it writes the request, after the connection (and TLS) is up, and a request aborted there is never written. No such call, no byte.
 * 2. Once `onRequestStart` has passed, every end without a whole answer is `lost`, even if the socket was already dead.
 * 3. A request is written once. undici puts a running request back in its queue when its socket is closed for a reason of undici's own;
 *    a second `onRequestStart` is therefore refused.
 * 4. A call given up before it left (too late, time-out) is refused if its turn comes after all.
 */
import { Pool, type Dispatcher } from 'undici';
import { BodyTooLarge, LARGEST_BODY_BYTES, readBody, type BodyHeaders } from './body';
import { readRetryAfter } from './retry-after';
import type { LostCause, NotSentCause, UpsClock, UpsTimeouts } from './types';

export interface WireRequest {
  path: string;
  headers: Record<string, string>;
  body: string;
  /** An instant of `clock.monotonic()`; null when any time will do. */
  sendBy: number | null;
}

export type WireAnswer =
  | { kind: 'not-sent'; cause: NotSentCause; fault: string | null; retryAt: number | null }
  /** `httpStatus` is known when the headers came and the body did not. */
  | { kind: 'lost'; cause: LostCause; fault: string | null; httpStatus: number | null; retryAfterMs: number | null }
  | Answered;

export interface Answered {
  kind: 'answered';
  leftAt: number;
  httpStatus: number;
  retryAfterMs: number | null;
  contentType: string | null;
  /** The parsed JSON, undefined when it is none. */
  body: unknown;
  /** The body as it can be shown once it is scrubbed; empty when it is no text. */
  text: string;
}

export interface Wire {
  post(request: WireRequest): Promise<WireAnswer>;
  close(): Promise<void>;
}

export function makeWire(options: {
  origin: string;
  connections: number;
  timeouts: UpsTimeouts;
  clock: UpsClock;
}): Wire {
  const { timeouts, clock } = options;
  const pool = new Pool(options.origin, {
    connections: options.connections,
    // One request a connection at a time: a second one queued behind it would share its fate.
    pipelining: 1,
    allowH2: false,
    connect: { timeout: timeouts.connectMs },
    headersTimeout: timeouts.headersMs,
    bodyTimeout: timeouts.bodyMs,
    maxResponseSize: LARGEST_BODY_BYTES,
  });
  return {
    post: (request) => postOnce(pool, request, timeouts, clock),
    close: () => (pool.closed ? Promise.resolve() : pool.close()),
  };
}

/** Exported for the test of rule 3, which needs a dispatcher that sends again. */
export function postOnce(
  dispatcher: Pick<Dispatcher, 'dispatch'>,
  request: WireRequest,
  timeouts: UpsTimeouts,
  clock: UpsClock,
): Promise<WireAnswer> {
  return new Promise((resolve) => {
    let isSettled = false;
    let leftAt: number | null = null;
    let head: Pick<Answered, 'httpStatus' | 'retryAfterMs' | 'contentType'> | null = null;
    let contentEncoding: BodyHeaders['contentEncoding'];
    let abort: () => void = () => undefined;
    const chunks: Buffer[] = [];

    const settle = (answer: WireAnswer): void => {
      isSettled = true;
      for (const timer of timers) clearTimeout(timer);
      resolve(answer);
    };
    const settleUnanswered = (notSent: NotSentCause, lost: LostCause, fault: string | null): void =>
      settle(
        leftAt === null
          ? { kind: 'not-sent', cause: notSent, fault, retryAt: null }
          : {
              kind: 'lost',
              cause: lost,
              fault,
              httpStatus: head?.httpStatus ?? null,
              retryAfterMs: head?.retryAfterMs ?? null,
            },
      );
    const giveUp = (notSent: NotSentCause, fault: string): void => {
      if (isSettled) return;
      settleUnanswered(notSent, 'timeout', fault);
      abort();
    };
    const isTooLate = (): boolean => request.sendBy !== null && clock.monotonic() >= request.sendBy;

    // A process that was stopped for a while finds its timers due before it has read what came meanwhile: an answer that
    // waits in the socket is let in first, for it may hold the only pair that still works.
    const timeOut = () => setImmediate(() => giveUp('no-connection', 'TOTAL_TIMEOUT'));
    const timers = [setTimeout(timeOut, timeouts.totalMs)];

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        if (!isSettled && leftAt !== null) settleUnanswered('closed', 'connection-lost', 'WOULD_SEND_TWICE');
        if (!isSettled && isTooLate()) settleUnanswered('too-late', 'timeout', null);
        if (isSettled) return controller.abort(new Error('not to be sent'));
        leftAt = clock.now();
        abort = () => controller.abort(new Error('given up'));
      },
      onResponseStart(_controller, httpStatus, headers) {
        if (httpStatus < 200) return;
        const [contentType = null] = [headers['content-type'] ?? []].flat();
        head = { httpStatus, retryAfterMs: readRetryAfter(headers['retry-after'], clock.now()), contentType };
        contentEncoding = headers['content-encoding'];
      },
      onResponseData(_controller, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        if (isSettled || leftAt === null || head === null) return;
        const { contentType } = head;
        try {
          const { json, text } = readBody(Buffer.concat(chunks), { contentEncoding, contentType });
          settle({ kind: 'answered', leftAt, ...head, body: json, text });
        } catch (error) {
          const fault = error instanceof BodyTooLarge ? 'DECODED_TOO_LARGE' : 'UNREADABLE_BODY';
          settleUnanswered('connect', 'unexpected-answer', fault);
        }
      },
      onResponseError(_controller, error) {
        if (isSettled) return;
        const fault = codeOf(error);
        settleUnanswered(notSentCauseOf(fault), lostCauseOf(fault), fault);
      },
    };

    if (isTooLate()) return settleUnanswered('too-late', 'timeout', null);
    // While it waits for a connection there is nothing to abort: it is answered now, and refused in onRequestStart later.
    if (request.sendBy !== null) {
      const giveUpUnsent = (): void => {
        if (leftAt === null) giveUp('too-late', 'SEND_BY');
      };
      timers.push(setTimeout(giveUpUnsent, Math.min(request.sendBy - clock.monotonic(), timeouts.totalMs)));
    }
    dispatcher.dispatch({ method: 'POST', path: request.path, headers: request.headers, body: request.body }, handler);
  });
}

/** Only the code is kept of a foreign error: its text can hold parts of the request. */
function codeOf(error: Error & { code?: unknown }): string {
  return typeof error.code === 'string' ? error.code : error.name;
}

function notSentCauseOf(code: string): NotSentCause {
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) return 'dns';
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') return 'connect-timeout';
  if (code === 'UND_ERR_CLOSED' || code === 'UND_ERR_DESTROYED') return 'closed';
  if (/^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_)|SELF_SIGNED|HOSTNAME_MISMATCH/.test(code)) return 'tls';
  return 'connect';
}

const UNREADABLE = new Set(['HTTPParserError', 'UND_ERR_RES_EXCEEDED_MAX_SIZE', 'UND_ERR_HEADERS_OVERFLOW']);

function lostCauseOf(code: string): LostCause {
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'timeout';
  return code.startsWith('HPE_') || UNREADABLE.has(code) ? 'unexpected-answer' : 'connection-lost';
}
