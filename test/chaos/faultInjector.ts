/** Carries out the fault plan, records what happened and when, and repairs every fault. */

import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestSystem } from './system';
import type { FaultKind, PlannedFault } from './faultPlan';
import { refusalInWords } from './redisRefusals';

/** A fault that happened. The checks excuse a loss that no service could have prevented. */
export interface Incident {
  kind: FaultKind;
  who: string;
  from: number;
  /** null while it lasts. */
  to: number | null;
}

export interface FaultInjector {
  incidents: Incident[];
  /** Runs the plan until its end or the signal; resolves when every fault is repaired. */
  run(plan: readonly PlannedFault[], over: AbortSignal): Promise<void>;
}

/** How long a killed process stays down, at most. */
const DOWN_MAX_MS = 4_000;

export function makeFaultInjector(
  system: TestSystem,
  incidents: Incident[],
  report: (what: string) => void,
): FaultInjector {
  /** Records a fault, waits, and repairs it, also when the run ends first. */
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
   * The fault ends after its time even if fewer requests met it: a service that asks a broken UPS once a minute would
   * otherwise meet one queued fault after another and never recover.
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

/** Writes the command itself, because a Redis client would retry while Redis is away. Resolves to false when it is. */
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
