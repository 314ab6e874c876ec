// A sandbox in a process of its own, for the tests that kill it.
import { startSandbox } from '../../src/sandbox';
import { client, publicUrl } from './testSandbox';

const dataDir = process.argv[2] ?? '';
void startSandbox({ port: 0, dataDir, publicUrl, ...client }).then(({ url }) => process.stdout.write(`${url}\n`));
