/** A test service whose database can be restored, with processes that keep the epoch in their own folders. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { mongo } from 'mongoose';
import { makeEpoch, makeVolume, type Epoch, type Volume } from '../../../src/workers';
import { openTestService, type Process } from '../testService';

export interface Member extends Process {
  epoch: Epoch;
  volume: Volume;
  /** Does what is due in an account, as a worker does. */
  refresh(id: string): Promise<void>;
}

export async function openDeployment(name: string) {
  const service = await openTestService(name);
  const folders: string[] = [];

  async function folder(): Promise<string> {
    const made = await mkdtemp(path.join(tmpdir(), 'upslink-epoch-'));
    folders.push(made);
    return made;
  }

  /** A started process, which has checked the epoch once. */
  async function start(
    spoolDir: string,
    { deployment = 'production', requireVolume = false, volume = makeVolume(spoolDir) } = {},
  ): Promise<Member> {
    // Made first, so that its log is the process's own.
    const member = service.process({ gate: { mayRefresh: () => epoch.mayRefresh() } });
    const { clock, db } = service;
    const epoch: Epoch = makeEpoch({ db, volume, clock, log: member.log, deployment, requireVolume });
    await epoch.look(true);
    const refresh = async (id: string) => {
      await service.passToUps(id);
      await member.performer.perform(id);
    };
    return { ...member, epoch, volume, refresh };
  }

  async function backUp(): Promise<() => Promise<void>> {
    const names = ['accounts', 'history', 'checkpoints', 'events', 'epoch'] as const;
    const collections = names.map((one) => service.db[one] as unknown as mongo.Collection);
    const copies = await Promise.all(collections.map((one) => one.find({}).toArray()));
    return async () => {
      for (const [n, collection] of collections.entries()) {
        await collection.deleteMany({});
        const copy = copies[n] ?? [];
        if (copy.length > 0) await collection.insertMany(copy);
      }
    };
  }

  async function release(): Promise<void> {
    await service.release();
    for (const one of folders) await rm(one, { recursive: true, force: true });
  }
  return { ...service, folder, start, backUp, release };
}
export type Deployment = Awaited<ReturnType<typeof openDeployment>>;
