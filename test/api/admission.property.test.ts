/** Whatever clients do, and in whatever order, all that was taken is given back, and nobody has more than a share. */

import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import fc from 'fast-check';
import { makeAdmission } from '../../src/api/admission';
import { SHARES, SHARING, type PlacedRank } from '../../src/api/ranks';
import { inPlace, lookUp, whileReading } from '../../src/api/ticket';

const PLACES = 40;
const ADDRESS_OF: Partial<Record<PlacedRank, string>> = {
  callback: '/oauth/callback',
  token: '/v1/accounts/acc_1/token',
  work: '/v1/accounts/acc_1',
  comfort: '/v1/accounts',
  import: '/v1/access-keys/import',
};
const RANKS = Object.keys(ADDRESS_OF) as PlacedRank[];

interface Client {
  rank: PlacedRank;
  key: string;
  /** What is waited for is there, or fails. */
  go(fails: boolean): void;
  leave(): void;
  isHolding: boolean;
}

function open() {
  const pressure = { note: () => undefined, share: () => 1 };
  const admission = makeAdmission({ places: PLACES, pressure });
  const clients: Client[] = [];

  function arrive(rank: PlacedRank, key: string): void {
    const method = rank === 'import' ? 'POST' : 'GET';
    const path = ADDRESS_OF[rank] ?? '/';
    const req = { method, path, originalUrl: path, ip: '192.0.2.1', headers: {} } as Request;
    const res = Object.assign(new EventEmitter(), { locals: {}, set: () => undefined }) as unknown as Response;
    let isOpen = true;
    // As a real one, it closes once.
    const close = (): void => {
      if (isOpen) res.emit('close');
      isOpen = false;
    };
    let pending: ((fails: boolean) => void) | null = null;
    const stage = () =>
      new Promise<void>((resolve, reject) => {
        pending = (fails) => (fails ? reject(new Error('failed')) : resolve());
      });
    const client: Client = {
      ...{ rank, key, isHolding: false },
      go: (fails) => pending?.(fails),
      leave: close,
    };
    async function serve(): Promise<void> {
      await lookUp(res, { kind: 'key' }, stage);
      res.locals['keyId'] = key;
      await whileReading(res, stage);
      await inPlace(res, async () => {
        client.isHolding = true;
        await stage().finally(() => (client.isHolding = false));
      });
    }
    void admission.handle(req, res, () => undefined);
    serve()
      .catch(() => undefined)
      .finally(close);
    clients.push(client);
  }
  return { arrive, clients, figures: admission.figures };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('arrive' as const),
      rank: fc.constantFrom(...RANKS),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      does: fc.constant('go' as const),
      at: fc.nat(),
      fails: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('leave' as const), at: fc.nat() }) },
);

it('gives back every place, body and look-up, and keeps every share', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 50, maxLength: 250 }), async (steps) => {
      const { arrive, clients, figures } = open();
      const check = (): void => {
        const { places, bodies, lookUps } = figures();
        const sharing = SHARING.reduce((sum, rank) => sum + places[rank], 0);
        expect(sharing).toBeLessThanOrEqual(PLACES);
        for (const rank of RANKS) {
          const most = Math.floor(PLACES * SHARES[rank]);
          expect(places[rank]).toBeLessThanOrEqual(most);
          for (const key of ['a', 'b', 'c', 'd', 'e']) {
            const held = clients.filter((one) => one.isHolding && one.key === key && one.rank === rank);
            expect(held.length).toBeLessThanOrEqual(Math.floor(most / 4));
          }
        }
        expect(bodies.known).toBeLessThanOrEqual(2 * PLACES);
        expect(lookUps.key).toBeLessThanOrEqual(4 + 100);
      };
      for (const one of steps) {
        if (one.does === 'arrive') arrive(one.rank, one.key);
        const client = one.does === 'arrive' ? undefined : clients[one.at % Math.max(1, clients.length)];
        if (one.does === 'go') client?.go(one.fails);
        if (one.does === 'leave') client?.leave();
        await settle();
        check();
      }
      // Bodies and look-ups of clients that left never come; work that has begun always ends.
      for (const client of clients) client.leave();
      await settle();
      expect(figures().bodies).toEqual({ known: 0, unknown: 0 });
      for (let round = 0; round < 3; round++) {
        for (const client of clients) client.go(false);
        await settle();
      }
      expect(figures()).toEqual({
        places: Object.fromEntries(Object.keys(SHARES).map((rank) => [rank, 0])),
        bodies: { known: 0, unknown: 0 },
        lookUps: { key: 0, link: 0, seen: 0 },
      });
    }),
    { numRuns: 40 },
  );
}, 600_000);
