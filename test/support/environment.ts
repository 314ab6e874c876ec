/**
 * node's environment, and two things when a test file is over: what it left open makes it fail, and its databases and
 * prefixes are dropped when it passed, kept when it did not.
 */
import type { Circus } from '@jest/types';
import { TestEnvironment as NodeEnvironment } from 'jest-environment-node';
import { setTimeout as delay } from 'node:timers/promises';
import { ask } from './broker-client';
import { createdStores } from './createdStores';

/** Sockets close with a delay, and a BullMQ worker closed while Redis is away leaves a watchdog of 6 s behind. */
const PATIENCE_MS = Number(process.env['LEAK_PATIENCE_MS'] ?? 60_000);
const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'TLSWrap', 'UDPWrap', 'ProcessWrap', 'FSEventWrap'];

type Counts = ReadonlyMap<string, number>;

export default class Environment extends NodeEnvironment {
  private before: Counts = new Map();
  private timers: readonly Timer[] = [];
  private failures = 0;

  override async setup(): Promise<void> {
    await super.setup();
    this.before = countOpen();
    this.timers = watchTimers(this.global);
  }

  async handleTestEvent(event: Circus.AsyncEvent | Circus.SyncEvent): Promise<void> {
    if (event.name === 'test_done') this.failures += event.test.errors.length;
    if (event.name === 'error') this.failures += 1;
  }

  override async teardown(): Promise<void> {
    const leaks = await this.leaks();
    const { databases, prefixes } = createdStores(this.global);
    const hasPassed = this.failures === 0 && leaks.length === 0;
    await super.teardown();
    for (const name of databases) await ask(hasPassed ? 'drop-database' : 'keep', { name });
    for (const name of hasPassed ? prefixes : []) await ask('drop-prefix', { name });
    if (leaks.length === 0) return;
    const sentence = `This test file left open: ${leaks.join(', ')}. Close it in afterAll.`;
    // An error here takes the place of what the tests said, and a test that failed early often leaves something open.
    if (this.failures === 0) throw new Error(sentence);
    process.stderr.write(`${sentence}\n`);
  }

  private async leaks(): Promise<string[]> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    for (;;) {
      const left = [...grown(this.before, countOpen()), ...waiting(this.timers)];
      if (left.length === 0 || performance.now() > giveUpAt) return left;
      await delay(20);
    }
  }
}

function countOpen(): Counts {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    if (WATCHED.includes(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

interface Timer {
  /** As node makes it; whether it is over is not in its type. */
  readonly handle: NodeJS.Timeout & { readonly _destroyed: boolean };
  readonly made: Error;
}

/** Remembers the file's timers. Counting them as above would count jest's own too, which come and go. */
function watchTimers(world: Pick<typeof globalThis, 'setTimeout' | 'setInterval'>): readonly Timer[] {
  const timers: Timer[] = [];
  const watch = <Make extends (...args: never[]) => unknown>(make: Make): Make =>
    new Proxy(make, {
      apply: (real, self, args) => {
        const handle = Reflect.apply(real, self, args) as Timer['handle'];
        timers.push({ handle, made: new Error('made') });
        return handle;
      },
    });
  world.setTimeout = watch(world.setTimeout);
  world.setInterval = watch(world.setInterval);
  return timers;
}

/** Those that would still fire, each with where it was made. */
const waiting = (timers: readonly Timer[]): string[] =>
  timers
    .filter(({ handle }) => !handle._destroyed && handle.hasRef())
    .map(({ made }) => `a timer made${made.stack?.split('\n').slice(2, 6).join('').replace(/\s+/g, ' ') ?? ''}`);

function grown(before: Counts, now: Counts): string[] {
  return [...now].flatMap(([name, count]) => {
    const more = count - (before.get(name) ?? 0);
    return more > 0 ? [`${more} ${name}`] : [];
  });
}
