/**
 * Simulated time and processes: every wait of every process is queued here, and one task runs after the other in order of
 * time. The times are drawn from the seed, so the same seed gives the same run.
 *
 * One step resolves one wait of one process, which runs until it waits again; so all code in a step belongs to that process.
 * The waits of a killed process never resolve; those of a paused process resolve when it continues.
 */

import { createHash } from 'node:crypto';
import { makeRandom, type Random } from './random';

export interface Process {
  name: string;
  host: string;
  isDead: boolean;
  diedAt: number;
  /** As after SIGSTOP: it does not run before this instant. */
  pausedUntil: number;
  /** How far its wall clock is off. */
  skewMs: number;
}

interface Task {
  at: number;
  order: number;
  process: Process | null;
  run: () => void;
}

/** What may go wrong in calls to another machine. */
export interface Way {
  /** Shares of calls whose request, or whose answer, is lost. */
  loseRequest: number;
  loseAnswer: number;
  slowMs: number;
  /** How long the caller waits for an answer that does not come. */
  timeoutMs: number;
}

export interface Simulator {
  readonly random: Random;
  now(): number;
  /** How many steps have run. */
  steps(): number;
  /** Hash of everything that happened, to compare two runs. */
  trace(): string;
  note(what: string): void;
  process(name: string, host: string): Process;
  /** Runs as that process, now. */
  as<T>(process: Process, work: () => T): T;
  after(ms: number, process: Process | null, run: () => void): void;
  sleep(process: Process, ms: number): Promise<void>;
  /** A call from a process to another machine: `effect` may or may not happen there, and its answer may or may not arrive. */
  call<T>(process: Process, name: string, way: Way, effect: () => T, lost: () => T): Promise<T>;
  /** The share of waits in which the waiting process is killed instead. */
  crashShare: number;
  onCrash: (process: Process) => void;
  kill(process: Process): void;
  /** Runs tasks until that instant. */
  runUntil(instant: number): Promise<void>;
  /** Replaces Node's timers with simulated time until released. */
  install(): () => void;
}

const START = Date.UTC(2026, 10, 25, 8);
const realImmediate = setImmediate;

export function makeSimulator(seed: number): Simulator {
  const random = makeRandom(seed);
  const hash = createHash('sha256');
  const heap = makeHeap();
  let time = START;
  let order = 0;
  let steps = 0;
  let current: Process | null = null;

  const add = (at: number, process: Process | null, run: () => void): Task => {
    const task = { at, order: order++, process, run };
    heap.push(task);
    return task;
  };

  function kill(process: Process): void {
    if (process.isDead) return;
    process.isDead = true;
    process.diedAt = time;
    note(`${process.name} is killed`);
    simulator.onCrash(process);
  }

  function note(what: string): void {
    hash.update(`${time - START} ${what}\n`);
    if (globalThis.process.env['SIMULATION_TRACE'] === '1')
      globalThis.process.stderr.write(`${((time - START) / 1000).toFixed(3)} ${what}\n`);
  }

  function call<T>(process: Process, name: string, way: Way, effect: () => T, lost: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const thereMs = random.between(0, way.slowMs);
      const backMs = random.between(0, way.slowMs);
      const isRequestLost = random.is(way.loseRequest);
      const isAnswerLost = isRequestLost || random.is(way.loseAnswer);
      const settle = (work: () => T): void => {
        try {
          resolve(work());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      if (random.is(simulator.crashShare / 2)) return kill(process);
      add(time + thereMs, null, () => {
        // Data that a killed process had not yet written to the socket is sometimes lost.
        if (isRequestLost || (process.isDead && random.is(0.5))) {
          note(`${process.name} ${name}: request lost`);
          add(time + way.timeoutMs, process, () => settle(lost));
          return;
        }
        let happened: () => T;
        try {
          const result = effect();
          happened = () => result;
        } catch (error) {
          happened = () => {
            throw error as Error;
          };
        }
        note(`${process.name} ${name}${isAnswerLost ? ': answer lost' : ''}`);
        add(time + (isAnswerLost ? way.timeoutMs : backMs), process, () => {
          if (random.is(simulator.crashShare / 2)) kill(process);
          else settle(isAnswerLost ? lost : happened);
        });
      });
    });
  }

  async function runUntil(instant: number): Promise<void> {
    for (let task = heap.peek(); task && task.at <= instant; task = heap.peek()) {
      heap.pop();
      const { process } = task;
      if (process?.isDead) continue;
      if (process && process.pausedUntil > task.at) {
        add(process.pausedUntil, process, task.run);
        continue;
      }
      time = Math.max(time, task.at);
      current = process;
      steps++;
      task.run();
      await new Promise((resolve) => realImmediate(resolve));
    }
    time = Math.max(time, instant);
    current = null;
  }

  /** Timers of the code under test; each belongs to the process that set it. */
  function install(): () => void {
    const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: performance.now };
    const cleared = new WeakSet<object>();
    const later = (run: () => void, ms = 0): NodeJS.Timeout => {
      const handle = { ref: () => handle, unref: () => handle, hasRef: () => true };
      add(time + Math.max(0, ms), current, () => {
        if (!cleared.has(handle)) run();
      });
      return handle as unknown as NodeJS.Timeout;
    };
    const clear = (handle?: object | null): void => {
      if (handle) cleared.add(handle);
    };
    globalThis.setTimeout = later as typeof setTimeout;
    globalThis.clearTimeout = clear as typeof clearTimeout;
    performance.now = () => time - START;
    return () => {
      globalThis.setTimeout = real.setTimeout;
      globalThis.clearTimeout = real.clearTimeout;
      performance.now = real.now;
    };
  }

  const simulator: Simulator = {
    random,
    now: () => time,
    steps: () => steps,
    trace: () => hash.copy().digest('hex'),
    note,
    process: (name, host) => ({ name, host, isDead: false, diedAt: 0, pausedUntil: 0, skewMs: 0 }),
    as(process, work) {
      const before = current;
      current = process;
      try {
        return work();
      } finally {
        current = before;
      }
    },
    after: (ms, process, run) => void add(time + ms, process, run),
    sleep: (process, ms) => new Promise((resolve) => void add(time + ms, process, resolve)),
    call,
    crashShare: 0,
    onCrash: () => undefined,
    kill,
    runUntil,
    install,
  };
  return simulator;
}

function makeHeap() {
  const tasks: Task[] = [];
  const isBefore = (a: Task, b: Task): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const at = (index: number): Task => tasks[index] as Task;
  function swap(a: number, b: number): void {
    [tasks[a], tasks[b]] = [at(b), at(a)];
  }
  return {
    peek: (): Task | undefined => tasks[0],
    push(task: Task): void {
      tasks.push(task);
      for (let child = tasks.length - 1; child > 0;) {
        const parent = (child - 1) >> 1;
        if (!isBefore(at(child), at(parent))) break;
        swap(child, parent);
        child = parent;
      }
    },
    pop(): void {
      const last = tasks.pop();
      if (!last || tasks.length === 0) return;
      tasks[0] = last;
      for (let parent = 0; ;) {
        const [left, right] = [2 * parent + 1, 2 * parent + 2];
        let first = parent;
        if (left < tasks.length && isBefore(at(left), at(first))) first = left;
        if (right < tasks.length && isBefore(at(right), at(first))) first = right;
        if (first === parent) return;
        swap(parent, first);
        parent = first;
      }
    },
  };
}
