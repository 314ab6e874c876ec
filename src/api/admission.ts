/**
 * What a process carries at once, and for whom. What comes beyond is refused at once: a request that waits for the store
 * behind a thousand others is memory, and is answered when its client has given up.
 *
 * 1. Requests that ask how the process is are never refused: operators must see an overloaded process.
 * 2. A request takes a place once its key is known and its body is here. A client that is slow, or has no key, holds none.
 * 3. The less a client loses by coming again, the earlier it is refused: each rank fills the places up to its share only.
 * 4. One key, and one account's link, holds a quarter of its rank's places at most; while the event loop is late, half of
 *    those that are left.
 * 5. Files are read while the work on them runs, and public pages need no key: each of the two has places of its own.
 * 6. Bodies on their way are bounded in time and in number: those of keys, and apart from them those of everybody else by
 *    client address. Files have the server's own time limit.
 * 7. Looking up a key, a session or a link that was not seen before is bounded in number, by client address (lookups.ts).
 * 8. A place is given back once, when the answer has ended and the work for it too: a client that hangs up early and comes
 *    again would otherwise leave more and more work behind. A client that left while its key or its body was awaited gets none.
 */

import type { Request, RequestHandler, Response } from 'express';
import { answerByPage } from './problemPage';
import { clientOf } from './address';
import { makeLookUps, type LookUps } from './lookups';
import { makePlaces, type Places } from './places';
import { makePressure, type Pressure } from './pressure';
import { Refusal } from './problems';
import { rankOf, type Rank } from './ranks';
import { limitBody } from './body';
import { makeTally, quarterOf } from './tally';
import { giveTicket, takePlace, type Ticket } from './ticket';

const BODY_MS = 10_000;
/** A public page is in the hands of its client by then, or never will be. */
const PUBLIC_ANSWER_MS = 30_000;

/** Clients that are refused together come again at different moments. */
const FIRST_RETRY_SECONDS = 1;
const RETRY_JITTER_SECONDS = 5;

export interface AdmissionOptions {
  places: number;
  /** 0 to 1, for when refused clients are to come again. */
  random?: () => number;
  bodyMs?: number;
  pressure?: Pressure;
  lookUps?: LookUps;
}

/** How many there are at this moment. */
export interface AdmissionFigures {
  places: ReturnType<Places['filled']>;
  bodies: { known: number; unknown: number };
  lookUps: ReturnType<LookUps['sizes']>;
}

export interface Admission {
  /** Stands before every route. */
  handle: RequestHandler;
  figures(this: void): AdmissionFigures;
}

export function makeAdmission(options: AdmissionOptions): Admission {
  const { random = Math.random, bodyMs = BODY_MS, pressure = makePressure(), lookUps = makeLookUps() } = options;
  const places = makePlaces(options.places, pressure);
  const bodies = { known: makeTally(), unknown: makeTally() };
  /** Of keys: twice the places, at 64 kB each. Of the others: half of the places, for forms of 16 kB. */
  const bodiesMost = { known: 2 * options.places, unknown: Math.ceil(options.places / 2) };

  function overloaded(req: Request, res: Response, rank: Rank): Refusal {
    const retryAfterSeconds = FIRST_RETRY_SECONDS + Math.floor(random() * RETRY_JITTER_SECONDS);
    if (rank === 'comfort' && !req.originalUrl.startsWith('/v1/')) answerByPage(req, res, () => undefined);
    // Nothing of the request was done, so a browser may bring its code once more, and does so by itself.
    if (rank === 'callback' && req.method === 'GET') res.set('Refresh', String(retryAfterSeconds));
    const detail = `This process carries as many requests as it may. Come again in ${retryAfterSeconds} s.`;
    return new Refusal('overloaded', detail, { retryAfterSeconds });
  }

  function ticketOf(req: Request, res: Response, rank: Rank, liftBodyLimit: () => void): Ticket {
    const gone = goneSignal(res);
    const client = clientOf(req.ip);
    const key = (): string | undefined => res.locals['keyId'] as string | undefined;
    const refusal = () => overloaded(req, res, rank);
    const holderRefusal = () => (key() === undefined ? refusal() : tooManyOfKey());
    let keep: (() => () => void) | null = null;

    return {
      lookUp: (what, look) => lookUps.run(what, { holder: client, gone, refusal }, look),
      async readBody(read) {
        gone.throwIfAborted();
        const [whose, holder] =
          key() === undefined ? (['unknown', client] as const) : (['known', key() ?? ''] as const);
        if (bodies[whose].all() >= bodiesMost[whose]) throw refusal();
        if (bodies[whose].of(holder) >= quarterOf(bodiesMost[whose])) throw holderRefusal();
        const done = bodies[whose].add(holder);
        res.once('close', done);
        return read().finally(done);
      },
      takePlace(holder = key() ?? client) {
        if (rank === 'vital') return () => undefined;
        if (keep) return keep();
        gone.throwIfAborted();
        const giveBack = places.take(rank, holder);
        if (typeof giveBack === 'string') throw giveBack === 'full for all' ? refusal() : holderRefusal();
        if (rank === 'import') liftBodyLimit();
        keep = keptBy(giveBack);
        res.once('close', keep());
        return keep();
      },
    };
  }

  return {
    handle: (req, res, next) => {
      const rank = rankOf(req);
      const cameAt = performance.now();
      if (rank !== 'vital') setImmediate(() => pressure.note(performance.now() - cameAt));
      giveTicket(res, ticketOf(req, res, rank, limitBody(req, res, next, bodyMs)));
      if (rank === 'public') takePublicPlace(res);
      next();
    },
    figures: () => ({
      places: places.filled(),
      bodies: { known: bodies.known.all(), unknown: bodies.unknown.all() },
      lookUps: lookUps.sizes(),
    }),
  };
}

const tooManyOfKey = (): Refusal =>
  new Refusal('rate-limited', 'This key has as many requests under way as one key may: wait for some of them.', {
    retryAfterSeconds: FIRST_RETRY_SECONDS,
  });

function goneSignal(res: Response): AbortSignal {
  const leaving = new AbortController();
  res.once('close', () => leaving.abort(new Refusal('too-busy', 'The client has gone: nothing was changed.')));
  return leaving.signal;
}

/** No place is kept for a client that does not take what everybody may have. */
function takePublicPlace(res: Response): void {
  takePlace(res);
  const slow = setTimeout(() => res.destroy(), PUBLIC_ANSWER_MS);
  res.once('close', () => clearTimeout(slow));
}

/** The last one that lets go gives the place back. */
function keptBy(giveBack: () => void): () => () => void {
  let keepers = 0;
  return () => {
    keepers += 1;
    return () => {
      keepers -= 1;
      if (keepers === 0) giveBack();
    };
  };
}
