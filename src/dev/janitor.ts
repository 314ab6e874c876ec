/**
 * A small process that outlives its parent by a moment: when the parent ends, however, its pipe to us closes and we
 * stop what it left behind. Run as `janitor.ts <folder> <kept|thrown-away>`, in a process group of its own.
 */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { hasEnded } from './processes';
import { readOwner, stopLeftovers } from './running';
import type { DevContext } from './context';

/** Call it after the folder's Running was made. It needs no stop: it ends with us. */
export function startJanitor(folder: string, data: DevContext['data']): void {
  const self = path.join(__dirname, `janitor${path.extname(__filename)}`);
  const loader = self.endsWith('.ts') ? ['--require', require.resolve('tsx/cjs')] : [];
  const child = spawn(process.execPath, [...loader, self, folder, data, String(process.pid)], {
    detached: true,
    cwd: path.parse(folder).root,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => undefined);
  child.unref();
  // A pipe is a socket to node; its type does not say so.
  (child.stdin as unknown as { unref(): void }).unref();
}

async function clean(folder: string, data: string, parent: number): Promise<void> {
  const owner = readOwner(folder);
  // A newer run may own the folder by now: it has cleaned up itself. A killed process closes its pipes before it is gone.
  const isParents = owner !== undefined && owner.pid === parent;
  if (isParents && (await hasEnded(owner, 5_000))) await stopLeftovers(folder, () => undefined);
  if (data === 'thrown-away') rmSync(folder, { recursive: true, force: true });
}

if (require.main === module) {
  const [folder = '', data = 'kept', parent = ''] = process.argv.slice(2);
  process.stdin.resume();
  process.stdin.on('error', () => undefined);
  process.stdin.once('close', () => void clean(folder, data, Number(parent)).finally(() => process.exit()));
}
