/** What clients were told. Together with the UPS ledger this is all that the checks know; none of it comes from the service. */

export type Verdict = 'applied' | 'duplicate' | 'ignored' | 'illegal';

export interface AnsweredEvent {
  accountId: string;
  eventId: string;
  type: string;
  verdict: Verdict;
  /** How often it was sent before it was answered. */
  tries: number;
  tookMs: number;
}

export interface Client {
  name: string;
  accountNumber: string;
  username: string;
  /** null until its creation was answered. */
  accountId: string | null;
  /** Stores and warehouses that the service confirmed. */
  uses: Set<string>;
  /** SHA-256 of the access tokens it received. */
  tokens: Set<string>;
}

export interface ClientRecords {
  told: AnsweredEvent[];
  clients: Client[];
  /** Requests that were never answered. */
  unanswered: string[];
  /** Answers that no fault explains. */
  unexplained: string[];
  /** Accounts that could not be connected after the faults ended. */
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
