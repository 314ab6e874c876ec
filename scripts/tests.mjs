import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runTool } from './tool.mjs';

// As many workers as cores, for many of our tests wait for servers and browsers: jest would leave one core alone. More
// than that only crowds the one store.
const WORKERS = `--maxWorkers=${Math.max(2, Math.min(8, os.availableParallelism()))}`;

/** Runs every test, or those the jest arguments name. A file that could not run counts as one that failed. */
export async function runTests(args) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'upslink-results-'));
  const file = path.join(folder, 'jest.json');
  try {
    const exitCode = await runTool('jest', [WORKERS, '--json', `--outputFile=${file}`, ...args]);
    return { ...readTally(file, exitCode), exitCode };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readTally(file, exitCode) {
  try {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter(({ status }) => status === 'pending').map(({ fullName }) => fullName),
    );
    for (const name of skipped) console.log(`skipped, for want of what it needs: ${name}`);
    return { passed: results.numPassedTests, failed: failed === 0 && exitCode !== 0 ? 1 : failed };
  } catch {
    console.error('jest left no results.');
    return { passed: 0, failed: 1 };
  }
}

export const tallyLine = ({ passed, failed }) => `${passed} passed, ${failed} failed`;
