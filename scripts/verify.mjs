// npm run verify: format, lint, types, unused code, import circles, generated files, then the tests. All of it runs,
// whatever fails, so that one run shows everything; a check that failed counts in the last line.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { ensureDependencies, root } from './install.mjs';
import { runNode, runTool } from './tool.mjs';
import { runTests, tallyLine } from './tests.mjs';

await ensureDependencies();

const checks = [
  ['format', () => runTool('prettier', ['--check', '.', '--log-level', 'warn'])],
  ['lint', () => runTool('eslint', ['.'])],
  ['types', () => runTool('typescript', ['--noEmit'])],
  ['unused code', () => runTool('knip', ['--no-progress'])],
  ['import circles', () => runNode([path.join(root, 'scripts', 'circles.mjs')])],
  ['generated files', () => generatedFiles()],
];

const failed = [];
for (const [name, check] of checks) {
  const began = performance.now();
  const isGood = (await check()) === 0;
  console.log(`${isGood ? 'ok    ' : 'FAILED'} ${name}, ${Math.round((performance.now() - began) / 1000)} s`);
  if (!isGood) failed.push(name);
}
const tally = await runTests([]);
if (failed.length > 0) console.log(`Not in order: ${failed.join(', ')}.`);
console.log(tallyLine({ passed: tally.passed, failed: tally.failed + failed.length }));
process.exitCode = tally.failed + failed.length === 0 ? 0 : 1;

async function generatedFiles() {
  const generator = path.join(root, 'scripts', 'generate.mjs');
  return existsSync(generator) ? runNode([generator, '--check']) : 0;
}
