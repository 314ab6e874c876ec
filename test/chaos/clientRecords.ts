/** What the clients were told: the only memory of the run beside the ledger, and nothing of the service's. */

export type Verdict = 'applied' | 'duplicate' | 'ignored' | 'illegal';

export interface AnsweredEvent {
  accountId: string;
  eventId: string;
  type: string;
  verdict: Verdict;
  /** How often it was sent until it was answered. */
  tries: number;
  tookMs: number;
}

export interface Client {
  name: string;
  accountNumber: string;
  username: string;
  /** null until its creation was answered. */
  accountId: string | null;
  /** Stores and warehouses it was told are noted. */
  uses: Set<string>;
  /** SHA-256 of the access tokens it was given. */
  tokens: Set<string>;
}

export interface ClientRecords {
  told: AnsweredEvent[];
  clients: Client[];
  /** Asked and not answered to the end. */
  unanswered: string[];
  /** Answers that nothing here explains. */
  unexplained: string[];
  /** When all was mended, these could not be connected again. */
  notConnected: string[];
  sent: number;
  tokensAsked: number;
}

export const makeClientRecords = (): ClientRecords => ({
  told: [],
  clients: [],
  unanswered: [],
  unexplained: [],
  notConnected: [],
  sent: 0,
  tokensAsked: 0,
});
