/**
 * A lock that the kernel takes back when its holder dies, also by kill -9: an abstract unix socket (Linux). Lock files
 * were rejected: a stale one needs guessing, and two who guess at once both win.
 */
import { createHash } from 'node:crypto';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export interface Lock {
  readonly release: () => Promise<void>;
}

/** What is locked is a path; undefined when somebody else holds it. */
export async function tryLock(file: string): Promise<Lock | undefined> {
  const digest = createHash('sha256').update(path.resolve(file)).digest('hex').slice(0, 32);
  const server = net.createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(`\0upslink-${os.userInfo().uid}-${digest}`, () => {
      resolve({ release: () => new Promise((done) => server.close(() => done())) });
    });
  });
}

/** Waits its turn; calls `onWait` once when it has to. Undefined when `patienceMs` is over. */
export async function waitForLock(
  file: string,
  options: { patienceMs: number; onWait: () => void; signal?: AbortSignal },
): Promise<Lock | undefined> {
  const giveUpAt = performance.now() + options.patienceMs;
  for (let tries = 0; ; tries += 1) {
    const lock = await tryLock(file);
    if (lock !== undefined) return lock;
    if (tries === 0) options.onWait();
    if (performance.now() > giveUpAt) return undefined;
    await delay(200, undefined, options.signal ? { signal: options.signal } : {});
  }
}
