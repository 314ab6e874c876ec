/** What one request may take of the process's bounds (admission.ts), for the parts that serve it. Without an admission nothing is bounded. */

import type { Response } from 'express';
import type { LookUp } from './lookups';

export interface Ticket {
  lookUp<T>(what: LookUp, look: () => Promise<T>): Promise<T>;
  readBody<T>(read: () => Promise<T>): Promise<T>;
  /** Throws a Refusal. The place is kept until the answer has ended and what is returned was called. */
  takePlace(holder?: string): () => void;
}

const tickets = new WeakMap<Response, Ticket>();

export const giveTicket = (res: Response, ticket: Ticket): void => void tickets.set(res, ticket);

/** For a key, a session or a link that this process may never have seen: `look` answers null for what does not exist. */
export async function lookUp<T>(res: Response, what: LookUp, look: () => Promise<T>): Promise<T> {
  return tickets.get(res)?.lookUp(what, look) ?? look();
}

/** For a body that is read whole before the work on it begins. */
export async function whileReading<T>(res: Response, read: () => Promise<T>): Promise<T> {
  return tickets.get(res)?.readBody(read) ?? read();
}

/** Takes a place for `work`, which keeps it until it ends, also when the client has gone. `holder`: by default the key. */
export async function inPlace<T>(res: Response, work: () => Promise<T>, holder?: string): Promise<T> {
  const letGo = tickets.get(res)?.takePlace(holder);
  try {
    return await work();
  } finally {
    letGo?.();
  }
}

/** Takes a place until the answer has ended. */
export function takePlace(res: Response): void {
  tickets.get(res)?.takePlace()();
}
