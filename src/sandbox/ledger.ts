import type { State } from './state';

/** The ledger as JSON text in pieces: after a long run it is larger than one string may be. */
export function* writeLedger(state: Readonly<State>): Generator<string> {
  yield '{';
  yield* list('grants', state.grants.values(), ({ grantId, username, issuedAt, revokedAt }) => ({
    grantId,
    username,
    issuedAt: instant(issuedAt),
    revokedAt: instant(revokedAt),
  }));
  yield ',';
  yield* list('tokens', state.pairs, (pair) => ({
    grantId: pair.grantId,
    generation: pair.generation,
    accessTokenSha256: pair.accessSha256,
    refreshTokenSha256: pair.refreshSha256,
    issuedAt: instant(pair.issuedAt),
  }));
  yield ',';
  yield* list('uses', state.uses, ({ at, answeredAt, endpoint, grantId, username, status, code }) => ({
    at: instant(at),
    answeredAt: instant(answeredAt),
    ...{ endpoint, grantId, username, status, code },
  }));
  yield ',';
  yield* list('violations', state.violations, ({ at, kind, grantId, detail }) => ({
    at: instant(at),
    ...{ kind, grantId, detail },
  }));
  yield ',';
  yield* list('repeats', state.repeats, ({ at, grantId, generation, delivered }) => ({
    at: instant(at),
    ...{ grantId, generation, delivered },
  }));
  yield '}';
}

const PIECE = 500;

function* list<T>(name: string, items: Iterable<T>, show: (item: T) => object): Generator<string> {
  let piece = `"${name}":[`;
  let n = 0;
  for (const item of items) {
    piece += `${n === 0 ? '' : ','}${JSON.stringify(show(item))}`;
    n += 1;
    if (n % PIECE > 0) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}]`;
}

const instant = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
