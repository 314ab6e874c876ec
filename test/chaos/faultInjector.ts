/** Does what the plan says, notes what really happened and when, and mends all of it when it is told to. */

import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestSystem } from './system';
import type { FaultKind, PlannedFault } from './faultPlan';
import { refusalInWords } from './redisRefusals';

/** What really happened. A witness excuses by it what nobody could have saved. */
export interface Incident {
  kind: FaultKind;
  who: string;
  from: number;
  /** null while it lasts. */
  to: number | null;
}

export interface FaultInjector {
  incidents: Incident[];
  /** Does the plan to its end, or until the signal; resolves when all is mended. */
  run(plan: readonly PlannedFault[], over: AbortSignal): Promise<void>;
}

/** After a kill, before another of its kind is there. */
const DOWN_MAX_MS = 4_000;

export function makeFaultInjector(
  system: TestSystem,
  incidents: Incident[],
  report: (what: string) => void,
): FaultInjector {
  /** Begins, lasts, and is mended: also when the run is over before. */
  async function lasting(
    incident: Omit<Incident, 'to'>,
    ms: number,
    over: AbortSignal,
    mend: () => Promise<void> | void,
  ) {
    const noted: Incident = { ...incident, to: null };
    incidents.push(noted);
    await delay(ms, undefined, { signal: over }).catch(() => undefined);
    await mend();
    noted.to = Date.now();
  }

  const moment = (kind: FaultKind, who: string): void => {
    incidents.push({ kind, who, from: Date.now(), to: Date.now() });
  };

  async function disturbProcess({ kind, who, lastsMs }: PlannedFault, over: AbortSignal): Promise<void> {
    const from = who % system.processes.length;
    const managed = [...system.processes.slice(from), ...system.processes.slice(0, from)].find((one) => one.isUp());
    if (!managed) return;
    if (kind === 'pause') {
      const since = { who: managed.name, from: Date.now() };
      if (managed.pause()) await lasting({ kind, ...since }, lastsMs, over, () => managed.resume());
      return;
    }
    const signal = kind === 'kill' ? 'SIGKILL' : 'SIGTERM';
    if (managed.kill(signal, Math.min(lastsMs, DOWN_MAX_MS))) moment(kind, managed.name);
  }

  async function takeAway({ kind, lastsMs, isHard }: PlannedFault, over: AbortSignal): Promise<void> {
    const server = kind === 'store' ? system.store : system.redis;
    if (!server.isUp()) return;
    const from = Date.now();
    await server.stop(isHard ? 'SIGKILL' : 'SIGTERM');
    await lasting({ kind, who: isHard ? 'killed' : 'stopped', from }, lastsMs, over, () => server.start());
  }

  async function refuseByRedis({ refusal, lastsMs }: PlannedFault, over: AbortSignal): Promise<void> {
    if (!system.redis.isUp()) return;
    const since = { who: refusalInWords[refusal], from: Date.now() };
    await system.refusing.begin(refusal);
    await lasting({ kind: 'refused', ...since }, lastsMs, over, () => system.refusing.mend(refusal));
  }

  /**
   * Over after its time, though fewer met it: a service that keeps away from a broken UPS, asking once a minute, would meet
   * one fault after another of those that were laid up for it, and never come back.
   */
  async function disturbUps({ kind, path, times, lastsMs, slowMs }: PlannedFault): Promise<void> {
    const match = { path };
    const faults = {
      lost: { do: 'drop-answer' },
      broken: { do: 'status', status: 503 },
      busy: { do: 'status', status: 429, retryAfter: 2 },
      slow: { do: 'delay', ms: slowMs },
    };
    moment(kind, path);
    await system.ups.fault({ match, times, forMs: lastsMs, ...faults[kind as keyof typeof faults] });
  }

  async function perform(fault: PlannedFault, over: AbortSignal): Promise<void> {
    switch (fault.kind) {
      case 'kill':
      case 'term':
      case 'pause':
        return disturbProcess(fault, over);
      case 'redis':
      case 'store':
        return takeAway(fault, over);
      case 'refused':
        return refuseByRedis(fault, over);
      case 'flush':
        if (system.redis.isUp() && (await flushAll(system.redis.url))) moment('flush', 'Redis');
        return;
      case 'lost':
      case 'broken':
      case 'busy':
      case 'slow':
        return disturbUps(fault);
    }
  }

  async function run(plan: readonly PlannedFault[], over: AbortSignal): Promise<void> {
    const begun = Date.now();
    const doing: Promise<void>[] = [];
    for (const fault of plan) {
      await delay(Math.max(0, begun + fault.atMs - Date.now()), undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) break;
      doing.push(perform(fault, over).catch((error: unknown) => report(`${fault.kind}: ${String(error)}`)));
    }
    await Promise.all(doing);
    await system.ups.heal();
  }

  return { incidents, run };
}

/** By hand: a client would try again for as long as Redis is away. False when it is. */
async function flushAll(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = net.connect({ host: hostname, port: Number(port), timeout: 2_000 });
    const end = (isDone: boolean): void => {
      socket.destroy();
      resolve(isDone);
    };
    socket.once('connect', () => socket.write('FLUSHALL\r\n'));
    socket.once('data', (answer) => end(answer.toString().startsWith('+OK')));
    for (const trouble of ['timeout', 'error', 'close']) socket.once(trouble, () => end(false));
  });
}
