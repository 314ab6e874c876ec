/** What the api works with: made once by main, handed to every action. */

import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Queue } from 'bullmq';
import type { Config } from '../config';
import type { ApiKeys } from '../db/apiKeys';
import type { Db } from '../db/connection';
import type { Vault } from '../db/vault';
import type { Runtime } from '../durable/runtime';
import type { Clock } from '../durable/types';
import type { AccountData } from '../machines/data';
import type { AccountView } from '../machines/definition';
import type { UpsClient } from '../ups';
import type { Performer, Waves } from '../workers';

export interface Services {
  config: Config;
  db: Db;
  apiKeys: ApiKeys;
  runtime: Runtime<AccountData, AccountView>;
  performer: Pick<Performer, 'by' | 'carry' | 'peek'>;
  ups: Pick<UpsClient, 'authorizeUrl'>;
  vault: Vault;
  /** Refusals that many accounts hear at once. */
  waves: Pick<Waves, 'decide'>;
  clock: Clock;
  makeId(): string;
  log: Logger;
  /** What is missing before this process may take requests, as a sentence; null when nothing is. */
  isReady: () => Promise<string | null>;
  /** Why nothing is refreshed although UPS could be asked, as a sentence for admins; null when all is well. */
  epochNotice?: () => string | null;
  /** What Redis answers and refuses this process; null when nothing is refused, and when Redis is away. */
  redisRefusal?: () => { code: string; command: string | null; sentence: string } | null;
  /** The queues admins may look at; without them there is no /admin/queues. */
  queues?: { readonly all: readonly Queue[] };
  /** Has a campaign looked at now; without it the scheduler finds it in a moment. */
  tellCampaign?: (id: string) => Promise<void>;
  /** Figures of other parts of the process, shown with the api's own. */
  metrics?: Registry;
}
