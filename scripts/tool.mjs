import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './install.mjs';

/** Runs a package's program with our own Node, so that neither a shell nor the PATH has a say. Its exit code. */
export async function runTool(packageName, args) {
  const folder = path.join(root, 'node_modules', packageName);
  const { bin } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const program = typeof bin === 'string' ? bin : bin[packageName === 'typescript' ? 'tsc' : packageName];
  return runNode([path.join(folder, program), ...args]);
}

export async function runNode(args) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve) => {
    child.once('error', () => resolve(1));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
