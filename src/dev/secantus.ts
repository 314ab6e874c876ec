/**
 * SecantusDB: WiredTiger behind MongoDB's wire protocol, a separate GPL-2.0 program that is started for development
 * and tests and never shipped. Two builds: a Python server that is there in seconds and a Rust one, about eight times
 * faster, that takes minutes to build.
 */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { aptInstall, canAptInstall } from './apt';
import { findOnPath, isProgram, runCommand } from './command';
import { cacheFolder, DevError, type DevContext, type Environment } from './context';
import { ensureInstalled, isMarked, mark, moveInPlace } from './install';
import type { Engine } from './engine';

const PYTHON_VERSION = '0.7.0b3';
const RUST_VERSION = '0.5.3-beta.196';

const rustFolder = (env: Environment): string => path.join(cacheFolder(env), `secantusd-rs-${RUST_VERSION}`);
const rustProgram = (env: Environment): string => path.join(rustFolder(env), 'bin', 'secantusd-rs');
const pythonFolder = (env: Environment): string => path.join(cacheFolder(env), `secantusd-py-${PYTHON_VERSION}`);

export const isRustBuilt = (env: Environment): boolean => isProgram(rustProgram(env));
export const canBuildRust = (env: Environment): boolean => findOnPath(['cargo'], env) !== undefined;

export const rustEngine = (env: Environment): Engine =>
  secantus('secantus-rs', `SecantusDB ${RUST_VERSION} (Rust server)`, rustProgram(env));

const pythonEngine = (env: Environment): Engine =>
  secantus(
    'secantus-py',
    `SecantusDB ${PYTHON_VERSION} (Python server)`,
    path.join(pythonFolder(env), 'bin', 'secantusd-py'),
  );

function secantus(id: Engine['id'], name: string, program: string): Engine {
  const args = ({ port, data }: { port: number; data: string }): string[] => {
    // An empty file of ours: otherwise it would read the settings of whoever runs it from their home folder.
    const settings = `${data}.toml`;
    writeFileSync(settings, '');
    const where = ['--config', settings, '--host', '127.0.0.1', '--port', String(port), '--storage-path', data];
    // Without --sync-on-commit a kill -9 loses acknowledged writes (272 of 100,080 were lost; with it none of 50,705).
    return [...where, '--cache-size', '512M', '--log-level', 'WARNING', '--sync-on-commit'];
  };
  return { id, name, program, args };
}

/** Builds it where it is not built yet: minutes. Throws DevError saying what is missing. */
export async function buildRust(context: Pick<DevContext, 'env' | 'say' | 'signal'>): Promise<Engine> {
  const { env } = context;
  const [folder, name] = [rustFolder(env), `SecantusDB ${RUST_VERSION} (Rust server)`];
  const install = async (): Promise<void> => {
    const cargo = findOnPath(['cargo'], env);
    if (cargo === undefined) {
      throw new DevError(`${name} is built with cargo, which is not on the PATH: install Rust (https://rustup.rs).`);
    }
    context.say(`${name}: building it once into ${folder}; 4 to 7 minutes on two cores.`);
    const [root, target] = [`${folder}.new`, `${folder}.build`];
    const crate = ['secantus-mdb', '--version', RUST_VERSION, '--locked', '--ignore-rust-version'] as const;
    // A target folder of our own: a build that was broken off goes on where it was.
    await runCommand(context, name, [cargo, 'install', ...crate, '--force', '--root', root], {
      env: { CARGO_TARGET_DIR: target },
      progress: cargoProgress,
    });
    moveInPlace(root, folder);
    rmSync(target, { recursive: true, force: true });
  };
  await ensureInstalled(context, { name, folder, isThere: () => isRustBuilt(env), install });
  return rustEngine(env);
}

function cargoProgress(lines: readonly string[]): string {
  const compiled = lines.filter((line) => line.trim().startsWith('Compiling'));
  return `${compiled.length} crates compiled or under way, ${lines.at(-1)?.trim().slice(0, 80) ?? ''}`;
}

/** Installs it where it is not installed yet: seconds. Throws DevError saying what is missing. */
export async function installPython(context: Pick<DevContext, 'env' | 'say' | 'signal'>): Promise<Engine> {
  const { env } = context;
  const [folder, name] = [pythonFolder(env), `SecantusDB ${PYTHON_VERSION} (Python server)`];
  const install = async (): Promise<void> => {
    context.say(`${name}: installing it once into ${folder} …`);
    // A venv holds its own path, so it is made in its place and marked when it is whole.
    try {
      await makeVenv(context, folder);
      const pip = [path.join(folder, 'bin', 'python'), '-m', 'pip'] as const;
      const quiet = ['--disable-pip-version-check', '--progress-bar', 'off', '--no-input'];
      await runCommand(context, `pip install secantusdb==${PYTHON_VERSION}`, [
        ...pip,
        'install',
        ...quiet,
        `secantusdb==${PYTHON_VERSION}`,
      ]);
      mark(folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  };
  await ensureInstalled(context, { name, folder, isThere: () => isMarked(folder), install });
  return pythonEngine(env);
}

async function makeVenv(context: Pick<DevContext, 'env' | 'say' | 'signal'>, folder: string): Promise<void> {
  const make = async (): Promise<string | undefined> => {
    const python = findOnPath(['python3'], context.env);
    if (python === undefined) return 'python3 is not on the PATH';
    try {
      await runCommand(context, 'python3 -m venv', [python, '-m', 'venv', folder]);
      return undefined;
    } catch (error) {
      if (!(error instanceof DevError)) throw error;
      return error.message;
    }
  };
  let problem = await make();
  if (problem !== undefined && canAptInstall(context) && (await aptInstall(context, ['python3', 'python3-venv']))) {
    problem = await make();
  }
  if (problem === undefined) return;
  throw new DevError(`${problem}\n  Install Python 3 with venv (Debian: apt-get install python3 python3-venv).`);
}
