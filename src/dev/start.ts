/** `npm start`: everything on this machine, from nothing to an address to open; Ctrl-C stops it all in order. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { ConfigError } from '../config';
import { DevError, type DevContext, type Say } from './context';
import { demoProfiles } from './demo';
import { openDemoStore } from './demo-store';
import { startJanitor } from './janitor';
import { waitForLock } from './lock';
import { findNpm, isAlive } from './processes';
import { writePrivateJson } from './private-file';
import { readOwner, Running, stopLeftovers } from './running';
import { type Release, type StandParts, type StartFacts, startStand } from './stand';

/** An earlier run whose npm was killed takes this long to notice and to stop its servers. */
const EARLIER_RUN_MS = 20_000;
const PARENT_CHECK_MS = 500;

const parts: StandParts = { cli: path.join(__dirname, '..', '..', 'bin', 'upslink.js'), openDemoStore };

export async function main(replaced: Partial<StandParts> = {}): Promise<void> {
  const env = process.env;
  const folder = path.resolve(env['DATA_DIR'] || '.data');
  const say: Say = (line) => process.stdout.write(`${line}\n`);
  // A terminal that went away must not keep us from stopping in order.
  process.stdout.on('error', () => undefined);
  const stopping = listenForStop(say);
  const releases: Release[] = [];
  try {
    const running = await takeFolder(folder, say, stopping.signal, releases);
    stopping.onForce(() => running.killAll());
    const context: DevContext = { env, say, folder, running, signal: stopping.signal, data: 'kept' };
    const startFile = path.join(folder, 'start.json');
    rmSync(startFile, { force: true });
    const { facts, ended } = await startStand(context, { ...parts, ...replaced }, releases);
    writePrivateJson(startFile, facts);
    describe(facts, folder, say);
    const sentence = await Promise.race([ended, stopping.requested]);
    if (sentence !== undefined) throw new DevError(sentence);
  } catch (error) {
    explain(error, stopping.signal);
  } finally {
    for (const release of releases.reverse()) await release();
    stopping.forget();
  }
  say(process.exitCode ? 'Stopped.' : 'Stopped. The data stays; npm start goes on with it.');
}

/** One run a folder; what an earlier one left running is stopped first. */
async function takeFolder(folder: string, say: Say, signal: AbortSignal, releases: Release[]): Promise<Running> {
  const owner = () => `npm start (pid ${readOwner(folder)?.pid ?? 'unknown'})`;
  const lock = await waitForLock(path.join(folder, 'start'), {
    patienceMs: EARLIER_RUN_MS,
    onWait: () => say(`Another ${owner()} uses ${folder}: waiting a moment, in case it is about to end …`),
    signal,
  });
  if (lock === undefined) {
    const aside = 'DATA_DIR=.data-2 PORT=4500 SANDBOX_PORT=4501 npm start';
    throw new DevError(`Another ${owner()} uses ${folder}. Stop it, or start beside it: ${aside}`);
  }
  releases.push(lock.release);
  await stopLeftovers(folder, say);
  const running = new Running(folder);
  startJanitor(folder, 'kept');
  return running;
}

interface Stopping {
  readonly signal: AbortSignal;
  readonly requested: Promise<undefined>;
  readonly onForce: (force: () => void) => void;
  readonly forget: () => void;
}

/** Ctrl-C, SIGTERM, a closed terminal, or the npm that ran us being killed. The second Ctrl-C does not wait. */
function listenForStop(say: Say): Stopping {
  const controller = new AbortController();
  let force = (): void => undefined;
  const stop = (signal: string): void => {
    if (controller.signal.aborted) {
      if (signal !== 'SIGINT') return;
      force();
      process.exit(130);
    }
    say(`\n${signal}: stopping everything in order. Ctrl-C once more to force it.`);
    controller.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);
  // npm passes a signal on to its shell only, and a kill -9 to nobody.
  const [npm, parent] = [findNpm(), process.ppid];
  const watch = setInterval(() => {
    const isLeft = npm !== undefined && (process.ppid !== parent || !isAlive(npm));
    if (isLeft && !controller.signal.aborted) stop('npm was killed');
  }, PARENT_CHECK_MS);
  return {
    signal: controller.signal,
    requested: new Promise((resolve) => controller.signal.addEventListener('abort', () => resolve(undefined))),
    onForce: (it) => {
      force = it;
    },
    forget: () => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, stop);
    },
  };
}

function explain(error: unknown, signal: AbortSignal): void {
  if (signal.aborted) return;
  process.exitCode = 1;
  if (!(error instanceof DevError || error instanceof ConfigError)) throw error;
  process.stderr.write(`\n${error.message}\n\n`);
}

function describe(facts: StartFacts, folder: string, say: Say): void {
  const file = path.join(folder, 'start.json');
  const { upsLogin, keys } = facts;
  say('');
  say(`upslink is up: ${facts.apiUrl}`);
  say(`  UPS sandbox  ${facts.sandboxUrl} (its access tokens live 60 s)`);
  if (process.stdout.isTTY) {
    say(`  UPS login    ${upsLogin.username}, password ${upsLogin.password}, account number ${upsLogin.accountNumber}`);
    say(
      `               ${demoProfiles.wrong.username}, same password: a login without that account, to see it refused`,
    );
    for (const [role, key] of Object.entries(keys)) say(`  ${`${role} key`.padEnd(12)} ${key}`);
  } else {
    say(`  UPS login and API keys: in ${file}`);
  }
  say(`  Data, logs   ${folder}, ${path.join(folder, 'logs')}; all of this is in ${file}`);
  say('Ctrl-C stops it all.');
}
