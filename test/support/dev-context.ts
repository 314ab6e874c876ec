/** A context for tests of src/dev: its own folder, recorded output, and nothing from the machine's PATH or caches. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { DevContext, Environment } from '../../src/dev/context';
import { startJanitor } from '../../src/dev/janitor';
import { Running } from '../../src/dev/running';

/** Never resolves (RFC 2606): no test downloads anything. */
const NOWHERE = 'http://nowhere.invalid';

export interface TestContext extends DevContext {
  readonly said: string[];
  /** Puts a program into the only folder of the PATH. */
  readonly addProgram: (name: string, script: string) => string;
  readonly dispose: () => void;
}

/** An empty PATH and an empty cache folder, unless `env` says otherwise. */
export function devContext(env: Environment = {}): TestContext {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-dev-'));
  const programs = path.join(folder, 'bin');
  mkdirSync(programs);
  const running = new Running(folder);
  startJanitor(folder, 'thrown-away');
  const said: string[] = [];
  const nothing = { PATH: programs, XDG_CACHE_HOME: path.join(folder, 'cache'), HOME: folder };
  return {
    env: { ...nothing, MONGOMS_DOWNLOAD_MIRROR: NOWHERE, REDISMS_DOWNLOAD_MIRROR: NOWHERE, ...env },
    say: (line) => said.push(line),
    said,
    folder,
    running,
    signal: new AbortController().signal,
    data: 'kept',
    addProgram: (name, script) => {
      const file = path.join(programs, name);
      writeFileSync(file, script);
      chmodSync(file, 0o755);
      return file;
    },
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
}
