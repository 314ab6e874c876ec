/**
 * A fake UPS: refresh tokens are single use and rotate, and an answer may be lost after the rotation. It also records what it
 * gave, whether that arrived, and when a refresh token was sent a second time.
 */

import type { Wire, WireAnswer, WireRequest } from '../../src/ups';
import type { Process, Simulator } from './simulator';

export interface Sent {
  grantId: string;
  generation: number;
  at: number;
  by: Process;
  /** The connection is open until then. */
  closedAt: number;
  /** `pair`: a pair arrived. `lost`: the answer did not arrive, or that is unknown. `told`: a definite answer without a pair. */
  end: 'open' | 'pair' | 'lost' | 'told';
  /** Whether a new pair was made for it. */
  rotated: boolean;
}

export interface UpsFaults {
  /** Shares of calls: answered 503, 429, closed unprocessed, processed and never answered, or answered very late. */
  unavailable: number;
  limited: number;
  unsent: number;
  lost: number;
  late: number;
  /** Until then every call is answered 503. */
  awayUntil: number;
  /** Until then every call is refused, with that code, by mistake: for all, or where `refusesTo` says so of a grant. */
  refusesUntil: number;
  refusesTo: (grantId: string) => boolean;
  refusesWith: '10401' | '250002' | '10400';
  /** How far the clocks of two processes may differ. */
  clocksMs: number;
}

/** When a pair arrived, and at which process. */
export interface Arrival {
  at: number;
  to: Process;
}

interface Grant {
  id: string;
  generation: number;
  isRevoked: boolean;
  /** Of a login whose profile does not hold the account. */
  isStranger: boolean;
  accountId: string;
}

export interface FakeUps {
  faults: UpsFaults;
  /** Every refresh token of that grant that arrived, by time. */
  sendsOf(grantId: string): Sent[];
  sends(): number;
  /** The arrival of the pair of that generation; null if it never arrived. */
  delivered(grantId: string, generation: number): Arrival | null;
  newest(grantId: string): Grant | null;
  /** A grant of that account was revoked because its refresh token came a second time. */
  hasRevokedForReuse(accountId: string): boolean;
  /** The rating probe was answered with rates for a token of that grant. */
  isProved(grantId: string): boolean;
  /** The refresh token UPS takes for that grant. */
  refreshTokenOf(grantId: string): string | null;
  grantOf(refreshToken: string): { grantId: string; generation: number } | null;
  /** With `isStranger`, the login at UPS does not hold the account. */
  issueCode(about: { accountId: string; isStranger?: boolean }): string;
  /** By the merchant, at UPS. */
  revoke(grantId: string): void;
  wireFor(process: Process): Wire;
  violations: string[];
}

const ACCESS_S = 200;
const REFRESH_S = 60 * 86_400;
const TOTAL_MS = 20_000;
/** A send with an unknown end blocks other sends for 60 s from its claim, and leaves within 5 s of it. */
const QUIET_MS = 55_000;

const error = (httpStatus: number, code: string, retryAfterMs: number | null = null) => ({
  httpStatus,
  retryAfterMs,
  body: { response: { errors: [{ code, message: 'as the simulation asked' }] } },
});

export function makeFakeUps(simulator: Simulator, accessS = ACCESS_S): FakeUps {
  const grants = new Map<string, Grant>();
  /** The account and login that each code was given for. */
  const codes = new Map<string, Pick<Grant, 'accountId' | 'isStranger'>>();
  const reused = new Set<string>();
  const sent = new Map<string, Sent[]>();
  const arrivals = new Map<string, Arrival>();
  const proved = new Set<string>();
  const violations: string[] = [];
  const reuseRevokes = simulator.random.is(0.5);
  const faults: UpsFaults = {
    ...{ unavailable: 0, limited: 0, unsent: 0, lost: 0, late: 0 },
    ...{ awayUntil: 0, refusesUntil: 0, refusesTo: () => true, refusesWith: '10401', clocksMs: 0 },
  };
  let made = 0;

  const tokenOf = ({ id, generation }: Pick<Grant, 'id' | 'generation'>): string => `r.${id}.${generation}`;
  const parse = (token: string) => {
    const [, grantId = '', generation = '0'] = token.split('.');
    return { grantId, generation: Number(generation) };
  };

  const pairOf = (grant: Grant) => ({
    httpStatus: 200,
    retryAfterMs: null,
    body: {
      access_token: `a.${grant.id}.${grant.generation}`,
      refresh_token: tokenOf(grant),
      token_type: 'Bearer',
      expires_in: String(accessS),
      refresh_token_expires_in: String(REFRESH_S),
    },
  });

  type Said = ReturnType<typeof pairOf> | ReturnType<typeof error>;

  function exchange(code: string): Said {
    const login = codes.get(code);
    codes.delete(code);
    if (login === undefined) {
      violations.push(`the code ${code} was sent twice`);
      return error(400, '10402');
    }
    const grant = { id: `g${++made}`, generation: 1, isRevoked: false, ...login };
    grants.set(grant.id, grant);
    return pairOf(grant);
  }

  function refresh(token: string): Said {
    const { grantId, generation } = parse(token);
    const grant = grants.get(grantId);
    if (!grant || grant.isRevoked || grant.generation !== generation) {
      if (grant && reuseRevokes) {
        grant.isRevoked = true;
        reused.add(grant.accountId);
      }
      return error(400, '10400');
    }
    grant.generation++;
    return pairOf(grant);
  }

  const rating = (bearer: string): Said => {
    const { grantId } = parse(bearer);
    const grant = grants.get(grantId);
    if (!grant) return error(401, '250002');
    if (grant.isStranger) return error(400, '120100');
    proved.add(grantId);
    const charges = { TotalCharge: { MonetaryValue: '9.99' } };
    const body = { RateResponse: { Response: {}, RatedShipment: [{ NegotiatedRateCharges: charges }] } };
    return { httpStatus: 200, retryAfterMs: null, body } as never;
  };

  /** Records a send. A refresh token must not be sent again while an earlier send may still be answered. */
  function recordSend(by: Process, token: string): Sent {
    const { grantId, generation } = parse(token);
    const now = simulator.now();
    const record: Sent = {
      ...{ grantId, generation, at: now, by, closedAt: Infinity, end: 'open', rotated: false },
    };
    const sends = sent.get(grantId) ?? [];
    for (const earlier of sends.filter((one) => one.generation === generation)) {
      const gap = now - earlier.at;
      if (earlier.closedAt > now)
        violations.push(`3: ${token} was sent by ${by.name} while a send of ${earlier.by.name} was open`);
      else if (earlier.end === 'lost' && gap < QUIET_MS - faults.clocksMs)
        violations.push(`3: ${token} was sent again after ${gap} ms, before the first send was settled`);
    }
    sent.set(grantId, [...sends, record]);
    return record;
  }

  function answerTo({ path, body, headers }: WireRequest): Said {
    const form = new URLSearchParams(body);
    if (path.endsWith('/token')) return exchange(form.get('code') ?? '');
    if (path.endsWith('/refresh')) return refresh(form.get('refresh_token') ?? '');
    return rating(headers['authorization'] ?? '');
  }

  const isOutOfOrder = (now: number, token: string | null): Said | null => {
    if (now < faults.awayUntil) return error(503, '503');
    const { refusesUntil, refusesTo, refusesWith } = faults;
    const isGrants = refusesWith === '10400';
    const isHit = isGrants ? token !== null && refusesTo(parse(token).grantId) : true;
    if (now < refusesUntil && isHit) return error(isGrants ? 400 : 401, refusesWith);
    if (simulator.random.is(faults.limited)) return error(429, '10429', simulator.random.between(0, 5) * 1_000);
    return simulator.random.is(faults.unavailable) ? error(503, '503') : null;
  };

  function post(process: Process, request: WireRequest): Promise<WireAnswer> {
    const { random } = simulator;
    const token = request.path.endsWith('/refresh') ? new URLSearchParams(request.body).get('refresh_token') : null;
    const lost = (cause: 'timeout' | 'connection-lost'): WireAnswer => ({
      ...{ kind: 'lost', cause, fault: null, httpStatus: null, retryAfterMs: null },
    });
    return new Promise((resolve) => {
      // The connection is made, and the last look at the clock is taken just before the request is written.
      simulator.after(random.between(0, 300), process, () => {
        const now = simulator.now();
        if (request.sendBy !== null && now >= request.sendBy)
          return resolve({ kind: 'not-sent', cause: 'too-late', fault: null, retryAt: null });
        if (random.is(faults.unsent))
          return resolve({ kind: 'not-sent', cause: 'connect', fault: 'ECONNREFUSED', retryAt: null });
        const leftAt = now + process.skewMs;
        simulator.after(random.between(1, 200), null, () => {
          const record = token === null ? null : recordSend(process, token);
          const close = (end: Sent['end']): void => {
            if (!record || record.end !== 'open') return;
            record.end = end;
            record.closedAt = simulator.now();
          };
          const outOfOrder = isOutOfOrder(simulator.now(), token);
          const said = outOfOrder ?? answerTo(request);
          const isPair = said.httpStatus === 200;
          if (record) record.rotated = isPair;
          simulator.note(`UPS ${request.path.split('/').at(-1)} ${token ?? ''}: ${said.httpStatus}`);
          const isLost = random.is(faults.lost);
          const answerMs = random.is(faults.late) ? random.between(25_000, 100_000) : random.between(1, 400);
          if (isLost || answerMs > TOTAL_MS) {
            const cause = isLost && random.is(0.5) ? 'connection-lost' : 'timeout';
            const endsMs = cause === 'timeout' ? TOTAL_MS : random.between(1, 500);
            simulator.after(endsMs, null, () => close('lost'));
            simulator.after(endsMs, process, () => resolve(lost(cause)));
            return;
          }
          simulator.after(answerMs, null, () =>
            close(process.isDead ? 'lost' : isPair ? 'pair' : said.httpStatus === 503 ? 'lost' : 'told'),
          );
          simulator.after(answerMs + 1, process, () => {
            const { body } = said as { body: { refresh_token?: string } };
            if (isPair && body.refresh_token) {
              const { grantId, generation } = parse(body.refresh_token);
              arrivals.set(`${grantId}.${generation}`, { at: simulator.now(), to: process });
            }
            resolve({ kind: 'answered', leftAt, contentType: null, text: '', ...said });
          });
        });
      });
    });
  }

  return {
    faults,
    sendsOf: (grantId) => sent.get(grantId) ?? [],
    sends: () => [...sent.values()].reduce((sum, { length }) => sum + length, 0),
    violations,
    delivered: (grantId, generation) => arrivals.get(`${grantId}.${generation}`) ?? null,
    hasRevokedForReuse: (accountId) => reused.has(accountId),
    isProved: (grantId) => proved.has(grantId),
    newest: (grantId) => grants.get(grantId) ?? null,
    refreshTokenOf: (grantId) => {
      const grant = grants.get(grantId);
      return grant ? tokenOf(grant) : null;
    },
    grantOf: (token) => (token.startsWith('r.') ? parse(token) : null),
    issueCode({ accountId, isStranger = false }) {
      const code = `code${++made}`;
      codes.set(code, { accountId, isStranger });
      return code;
    },
    revoke(grantId) {
      const grant = grants.get(grantId);
      if (grant) grant.isRevoked = true;
    },
    wireFor: (process) => ({ post: (request) => post(process, request), close: async () => undefined }),
  };
}
