/** Where answers lie while the store does not take them. One on the disk, one in Redis: either of them is enough. */

import type { SealedAnswer } from './answer';

export interface SecondPlace {
  readonly name: string;
  /** Resolves when it will be found again, whatever dies now. The same answer twice is one, and cheap where it lies. */
  put(answer: SealedAnswer): Promise<void>;
  /** One that is not there is no error. */
  remove(answer: Pick<SealedAnswer, 'accountId' | 'eventId'>): Promise<void>;
  /** What lies there of that account. */
  find(accountId: string): Promise<Found>;
  all(): Promise<Found>;
}

export interface Found {
  answers: SealedAnswer[];
  /** Names of what lies there and cannot be read: damaged, of another format, or kept from us. It is left where it is. */
  unreadable: string[];
}
