/** Things installed once into the user's cache folder, where every clone finds them. */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { MINUTE_MS } from '../durations';
import { DevError, type DevContext } from './context';
import { waitForLock } from './lock';

export interface Installation {
  readonly name: string;
  /** Where it ends up. Its presence alone proves nothing: `isThere` does. */
  readonly folder: string;
  readonly isThere: () => boolean;
  readonly install: () => Promise<void>;
}

const PATIENCE_MS = 30 * MINUTE_MS;

/** Installs unless it is there. Two at once: the second waits, and finds the first one's work. */
export async function ensureInstalled(
  context: Pick<DevContext, 'say' | 'signal'>,
  { name, folder, isThere, install }: Installation,
): Promise<void> {
  if (isThere()) return;
  mkdirSync(path.dirname(folder), { recursive: true });
  const onWait = () => context.say(`${name}: another process is installing it: waiting for that.`);
  const lock = await waitForLock(folder, { patienceMs: PATIENCE_MS, onWait, signal: context.signal });
  if (lock === undefined) throw new DevError(`${name}: another process has been installing it for half an hour.`);
  try {
    if (isThere()) return;
    rmSync(folder, { recursive: true, force: true });
    await install();
  } finally {
    await lock.release();
  }
  if (!isThere()) throw new DevError(`${name} was installed into ${folder}, but is not complete there.`);
}

/** For what cannot be installed elsewhere and renamed: written last, into the folder. */
const markerOf = (folder: string): string => path.join(folder, '.complete');
export const isMarked = (folder: string): boolean => existsSync(markerOf(folder));
export const mark = (folder: string): void => writeFileSync(markerOf(folder), '');

/** Renaming is the last step: a folder of that name is always a whole one. */
export function moveInPlace(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}
