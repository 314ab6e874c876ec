/** Campaigns over HTTP, and workers that carry them out one step at a time. */

import type { CampaignItemJson, CampaignJson, CampaignLinkJson } from '../../src/api/schemas/campaigns';
import { makeCampaigns, type CampaignParts, type Campaigns } from '../../src/campaigns/advance';
import { openTestApi, RETURN, type ProblemJson } from '../api/testApi';
import { goThroughUps } from '../support/merchantBrowser';

export type Body = CampaignJson & ProblemJson & { allowed?: string[] };
export type CampaignSetup = Awaited<ReturnType<typeof openCampaignSetup>>;

export async function openCampaignSetup(name: string) {
  const api = await openTestApi(name);

  /** Another worker. */
  const worker = (parts: Partial<CampaignParts> = {}): Campaigns => {
    const { db, runtime, vault, config, clock, makeId } = api.services;
    return makeCampaigns({ db, runtime, vault, config, clock, makeId, ...parts });
  };

  /**
   * A worker that dies after a write was done and before its answer: nothing it does afterwards has an effect.
   * `isLast` is called after each write.
   */
  function mortal(isLast: (so: { writes: number; dispatched: number }) => boolean): Campaigns {
    const { db, runtime } = api.services;
    const so = { writes: 0, dispatched: 0 };
    let isDead = false;
    const unlessDead = async <T>(work: () => Promise<T>, isDispatch = false): Promise<T> => {
      if (isDead) throw new Error('dead');
      const done = await work();
      so.writes++;
      if (isDispatch) so.dispatched++;
      isDead ||= isLast(so);
      if (isDead) throw new Error('dead');
      return done;
    };
    const writing = <C extends object>(collection: C): C =>
      new Proxy(collection, {
        get: (target, name) => {
          const found = Reflect.get(target, name) as unknown;
          if (typeof found !== 'function') return found;
          const bound = found.bind(target) as (...args: unknown[]) => Promise<unknown>;
          const isWrite = ['updateOne', 'findOneAndUpdate'].includes(String(name));
          return isWrite ? (...args: unknown[]) => unlessDead(() => bound(...args)) : bound;
        },
      });
    return worker({
      db: { ...db, campaigns: writing(db.campaigns), campaignItems: writing(db.campaignItems) },
      runtime: {
        load: runtime.load,
        dispatch: (...args) => unlessDead(() => runtime.dispatch(...args), true),
      },
    });
  }

  let made = 0;
  /** Creates `count` accounts on old keys; the returned text finds exactly those. */
  async function accounts(count: number): Promise<string> {
    const text = `Batch ${++made} `;
    for (let n = 0; n < count; n++) await api.withKey({ name: `${text}${n}` });
    return text;
  }

  const planned = { name: 'Spring', waveSize: 2, pauseSeconds: 60, returnTo: RETURN };
  const plan = (text: string, more: object = {}) =>
    api.call<Body>('POST', '/campaigns', { body: { ...planned, filter: { text }, ...more } });
  const press = (id: string, act: string, key?: string) =>
    api.call<Body>('POST', `/campaigns/${id}/${act}`, key ? { key } : {});
  const read = async (id: string) => (await api.call<CampaignJson>('GET', `/campaigns/${id}`)).body;
  const items = async (id: string, query = '') =>
    (await api.call<{ items: CampaignItemJson[] }>('GET', `/campaigns/${id}/accounts${query}`)).body.items;
  const links = async (id: string) =>
    (await api.call<{ items: CampaignLinkJson[] }>('GET', `/campaigns/${id}/links?limit=200`)).body.items;

  async function started(text: string, more: object = {}): Promise<string> {
    const { id } = (await plan(text, more)).body;
    await press(id, 'start');
    return id;
  }

  /** Takes the merchant through UPS with a login that holds these numbers. */
  const comeBack = async (
    { connectUrl }: Pick<CampaignLinkJson, 'connectUrl'>,
    numbers: string[],
    decision: 'allow' | 'deny' = 'allow',
  ) => goThroughUps(connectUrl, await api.profile(...numbers), { returnTo: RETURN, decision });

  return { api, worker, mortal, accounts, plan, press, read, items, links, started, comeBack };
}
