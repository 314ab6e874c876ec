// npm test: installs what is missing, runs every test, ends with one line: N passed, N failed.
import { ensureDependencies } from './install.mjs';
import { runTests, tallyLine } from './tests.mjs';

await ensureDependencies();
const tally = await runTests(process.argv.slice(2));
console.log(tallyLine(tally));
process.exitCode = tally.failed === 0 ? 0 : 1;
