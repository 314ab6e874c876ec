/** The runtime, for commands that write: by the same commits as the service, and nobody is told by a queue. */

import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { makeStore } from '../db/accounts';
import type { Db } from '../db/connection';
import type { Vault } from '../db/vault';
import { makeRuntime, type Runtime } from '../durable/runtime';
import type { AccountData } from '../machines/data';
import { makeAccountDefinition, type AccountView } from '../machines/definition';
import { systemClock } from '../ups';

/** Without a vault for commands that seal nothing. */
export const runtimeOn = (db: Db, vault?: Pick<Vault, 'seal'>): Runtime<AccountData, AccountView> =>
  makeRuntime<AccountData, AccountView>({
    definition: makeAccountDefinition(),
    store: makeStore(db),
    queue: { hand: async () => false },
    clock: systemClock,
    makeId: randomUUID,
    seal: ({ id, ...binding }, secret) => {
      if (!vault) throw new Error('This command seals nothing.');
      return vault.seal(secret, { ...binding, accountId: id });
    },
    pause: (tries) => delay(40 * 2 ** tries),
    report: () => undefined,
  });
