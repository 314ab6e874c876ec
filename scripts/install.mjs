// Runs before anything is installed: Node's own modules only.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NODE_LTS } from './node-versions.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const NODE_WANTED = [20, 19];

// Not `npm ci`: it refuses a lock file without the optional packages of every platform, and a registry that does not
// carry all of them cannot write one. This takes the locked versions all the same, and writes no lock file.
const INSTALL = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund'];

/** npm writes it last: an install that was broken off has none. */
const INSTALLED = 'node_modules/.package-lock.json';

/** Installs what package-lock.json asks for, unless it is all there. Ends the process with a sentence when it cannot. */
export async function ensureDependencies() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < NODE_WANTED[0] || (major === NODE_WANTED[0] && minor < NODE_WANTED[1])) {
    const wanted = `upslink needs Node ${NODE_WANTED.join('.')} or later; this is ${process.versions.node}.`;
    giveUp(`${wanted} Install Node ${NODE_LTS}.`);
  }
  if (missing().length === 0) return;
  const release = await lock();
  try {
    // Whoever held the lock before us may have installed it.
    const packages = missing();
    if (packages.length === 0) return;
    console.log(`Installing ${packages.length} packages, once per change of package-lock.json …`);
    const began = performance.now();
    removeHalfDone();
    const [command, ...args] = npm();
    const { status, error } = spawnSync(command, [...args, ...INSTALL], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status !== 0) giveUp(`npm install failed${error ? `: ${error.message}` : ''}; its words are above.`);
    console.log(`Installed in ${Math.round((performance.now() - began) / 1000)} s.`);
  } finally {
    release();
  }
}

/** npm would take a package it had only half unpacked for a whole one. */
function removeHalfDone() {
  if (existsSync(path.join(root, INSTALLED))) return;
  rmSync(path.join(root, 'node_modules'), { recursive: true, force: true });
}

function missing() {
  const wanted = readPackages('package-lock.json');
  const there = readPackages(INSTALLED);
  return Object.keys(wanted).filter((name) => {
    if (name === '') return false;
    // Optional packages of other platforms stay away.
    if (there[name] === undefined) return !wanted[name].optional;
    return there[name].version !== wanted[name].version;
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
}

function npm() {
  const script = process.env.npm_execpath;
  return script?.endsWith('.js') ? [process.execPath, script] : ['npm'];
}

/** `npm start` and `npm test` at once in a fresh clone: one installs. The kernel frees the lock of a dead process. */
async function lock() {
  for (let tries = 0; ; tries += 1) {
    const server = net.createServer();
    const isOurs = await new Promise((resolve, reject) => {
      server.once('error', (error) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
      server.listen(`\0upslink-install-${root}`.slice(0, 100), () => resolve(true));
    });
    if (isOurs) return () => server.close();
    if (tries === 0) console.log('Another process is installing the packages: waiting for it …');
    await delay(300);
  }
}

function giveUp(sentence) {
  console.error(sentence);
  process.exit(1);
}
