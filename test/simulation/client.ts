/**
 * What a platform, an operator and a merchant do with one account, repeating each request until it is answered. The account
 * is authorized, or comes with an access key of the XML era and is migrated to OAuth.
 */

import { ACCESS_KEY_BOX } from '../../src/machines/data';
import { standingOf } from '../../src/machines/definition';
import { accountData } from '../machines/accountBuilder';
import type { Account } from './finalChecks';
import type { Simulation, SentEvent } from './simulation';
import { vault, type Service } from './service';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;
const ANSWER_MS = 30 * SECOND;
const STORES = 5;

const keyOf = (accountId: string): string => `KEY-${accountId}`;

/** Whether the account holds the key it came with, and it can be read. */
export function holdsKey({ id, tenantId, data }: Account): boolean {
  const sealed = data.accessKey?.sealed;
  if (!sealed) return false;
  return vault.open(sealed, { tenantId, accountId: id, field: 'accessKey', ...ACCESS_KEY_BOX }) === keyOf(id);
}

type Event = { type: string; [about: string]: unknown };

export async function client(simulation: Simulation, accountId: string, isOver: () => boolean): Promise<void> {
  const { simulator, ups, told } = simulation;
  const { random } = simulator;
  let events = 0;
  let consents = 0;
  const outside = simulator.process(`client of ${accountId}`, 'outside');
  const pause = (ms: number) => simulator.sleep(outside, ms);
  const nextId = (): string => `${accountId}-event-${++events}`;

  /** Asks any process. If it is killed or cannot answer, another one is asked. */
  async function askUntilAnswered<T>(work: (service: Service) => Promise<T>): Promise<T> {
    for (;;) {
      const service = simulation.services.length === 0 ? null : random.pick(simulation.services);
      const answer = service && (await askOnce(service, work));
      if (answer) return answer.value;
      await pause(random.between(500, 4_000));
    }
  }

  /** Null after an error, or when no answer came. */
  function askOnce<T>(service: Service, work: (service: Service) => Promise<T>): Promise<{ value: T } | null> {
    return new Promise((resolve) => {
      simulator.after(ANSWER_MS, outside, () => resolve(null));
      simulator.after(random.between(0, 20), service.process, () => {
        work(service).then(
          (value) => simulator.after(random.between(0, 20), outside, () => resolve({ value })),
          () => simulator.after(1, outside, () => resolve(null)),
        );
      });
    });
  }

  async function tell(event: Event, secrets?: Record<string, string>): Promise<string> {
    const eventId = nextId();
    const one: SentEvent = { accountId, eventId, type: event.type, verdict: null, tries: 0 };
    told.push(one);
    const options = { actor: 'key:client', eventId, bodyHash: eventId, ...(secrets && { secrets }) };
    const { verdict } = await askUntilAnswered(({ runtime }) => {
      one.tries++;
      return runtime.dispatch(accountId, event, options);
    });
    one.verdict = verdict;
    return verdict;
  }

  async function connect(opening: Event, login: 'own' | 'any' = 'any'): Promise<void> {
    const consentId = `${accountId}-consent-${++consents}`;
    const link = { consentId, linkHash: 'l', stateHash: 's', cookieHash: 'c', returnTo: null, ttlMs: 30 * MINUTE };
    await tell({ ...opening, ...link }, { verifier: 'v'.repeat(43) });
    await pause(random.between(SECOND, 20 * SECOND));
    if (opening.type === 'CAMPAIGN_MIGRATE' && random.is(0.2))
      return void (await tell({ type: 'LINK_WITHDRAWN', consentId }));
    const isStranger = login === 'any' && random.is(0.15);
    if (isStranger) simulation.strangers.add(accountId);
    const code = ups.issueCode({ accountId, isStranger });
    // A browser follows the redirect once; if the process dies, the merchant authorizes again later.
    const service = simulation.services.length === 0 ? null : random.pick(simulation.services);
    if (!service) return;
    await askOnce(service, async ({ runtime, performer, clock }) => {
      const since = clock.monotonic();
      const event = { type: 'CODE_RECEIVED', consentId } as never;
      const { document, claimed } = await runtime.dispatch(accountId, event, {
        actor: 'merchant',
        claimBy: performer.by,
      });
      await performer.carry(document, claimed, { code, since });
    });
    if (opening.graceMs && random.is(0.3)) await tell({ type: 'RESTORE_ACCESS_KEY' });
  }

  const refresh = async (): Promise<void> => {
    const eventId = nextId();
    const one: SentEvent = { accountId, eventId, type: 'REFRESH', verdict: null, tries: 0 };
    told.push(one);
    await askUntilAnswered(async ({ runtime, performer, clock }) => {
      one.tries++;
      const since = clock.monotonic();
      const options = { actor: 'key:client', eventId, bodyHash: eventId, claimBy: performer.by };
      const { verdict, document, claimed } = await runtime.dispatch(accountId, { type: 'REFRESH' }, options);
      one.verdict = verdict;
      performer.carry(document, claimed, { since }).catch(() => undefined);
    });
  };

  async function createAccount(): Promise<void> {
    const policy = random.pick(['eager', 'lazy'] as const);
    const deadlineAt = simulator.now() + random.pick([-MINUTE, 4 * MINUTE, 12 * MINUTE, 20 * DAY]);
    const accessKey = isOld ? { sealed: null, fingerprint: 'f', deadlineAt } : null;
    const birth = { id: accountId, tenantId: 'acme', data: accountData(policy, accessKey) };
    const options = {
      actor: 'key:client',
      eventId: nextId(),
      ...(isOld && { secrets: { accessKey: keyOf(accountId) } }),
    };
    await askUntilAnswered(({ runtime }) => runtime.create(birth, { type: isOld ? 'IMPORT' : 'CREATE' }, options));
    if (!isOld) await connect({ type: 'AUTHORIZE' });
  }

  async function edit(): Promise<void> {
    const { data } = await askUntilAnswered(({ runtime }) => runtime.load(accountId));
    const changes = random.pick([
      { accountNumber: random.pick(['A1B2C3', 'D4E5F6']) },
      { refreshPolicy: random.pick(['eager', 'lazy'] as const) },
    ]);
    await tell({ type: 'EDIT', changes, ifMatch: data.settings.seq });
  }

  /** Deactivates the account, then reactivates it, or erases it and creates another of that name. */
  async function close(): Promise<void> {
    for (let n = 1; n <= STORES; n++) await tell({ type: 'UNUSE', use: { kind: 'store', ref: `st_${n}` } });
    await tell({ type: 'DEACTIVATE' });
    await pause(random.between(SECOND, MINUTE));
    if (random.is(0.5)) {
      await tell({ type: 'REACTIVATE' });
      return connect({ type: 'AUTHORIZE' });
    }
    await askUntilAnswered(({ process }) => simulation.infrastructure.erase(process, accountId));
    if (simulation.infrastructure.memory.documents([accountId]).length > 0) return;
    told.splice(0, told.length, ...told.filter((one) => one.accountId !== accountId));
    isOld = random.is(0.3);
    await createAccount();
  }

  /** Connects the account by the service's own events, for as long as it takes. */
  async function reconnect(): Promise<void> {
    for (;;) {
      const { snapshot } = await askUntilAnswered(({ runtime }) => runtime.load(accountId));
      const { state, token } = standingOf(snapshot.value);
      if (state === 'connected' && (token === 'fresh' || token === 'access-key')) break;
      if (state === 'inactive') await tell({ type: 'REACTIVATE' });
      await connect({ type: 'AUTHORIZE' }, 'own');
      await pause(5 * SECOND);
    }
    simulation.merchants.delete(accountId);
  }

  const graceMs = (): number => random.pick([0, 30 * SECOND, 5 * MINUTE]);
  const opening = (): Event =>
    isOld
      ? random.pick<Event>([
          { type: 'AUTHORIZE' },
          { type: 'MIGRATE', graceMs: graceMs() },
          { type: 'CAMPAIGN_MIGRATE', graceMs: graceMs(), campaignId: 'c1' },
        ])
      : { type: 'AUTHORIZE' };
  const ofTheKey = (): Event =>
    random.pick<Event>([
      { type: 'POSTPONE', until: simulator.now() + random.between(SECOND, 3 * MINUTE) },
      { type: 'DEADLINE_MOVED', deadlineAt: simulator.now() + random.between(-MINUTE, 8 * MINUTE) },
      { type: 'RESTORE_ACCESS_KEY' },
      { type: 'ACCESS_KEY_READ' },
    ]);
  const use = () => ({ kind: 'store' as const, ref: `st_${random.between(1, STORES)}` });

  let isOld = random.is(0.35);
  await createAccount();
  simulation.merchants.set(accountId, reconnect);
  while (!isOver()) {
    await pause(random.between(5 * SECOND, 2 * MINUTE));
    const what = random.next();
    if (what < 0.3) await refresh();
    else if (what < 0.4) await tell({ type: 'USE', use: use() });
    else if (what < 0.46) await tell({ type: 'UNUSE', use: use() });
    else if (what < 0.54) await tell({ type: 'VERIFY' });
    else if (what < 0.58) await tell({ type: 'CANCEL_AUTHORIZATION' });
    else if (what < 0.64) await edit();
    else if (what < 0.67) await close();
    else if (what < 0.68) await tell({ type: 'DISCONNECT', note: 'as the simulation asked' });
    else if (what < 0.8 && isOld) await tell(ofTheKey());
    else await connect(opening());
  }
}
