import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';
import { until } from '../support/until';

let child: ChildProcess | undefined;

afterEach(() => child?.kill('SIGKILL'));

it('stops once for the first signal, and does not wait for another one', async () => {
  const stubborn = spawn(process.execPath, [path.join(__dirname, 'fixtures', 'stubborn.js')]);
  child = stubborn;
  let said = '';
  stubborn.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  let code: number | null = null;
  stubborn.once('close', (ended) => (code = ended));
  await until('it has started', () => said.includes('started') || undefined);
  stubborn.kill('SIGTERM');
  await until('it stops', () => said.includes('stopping') || undefined);
  await until(
    'it ends without waiting',
    () => {
      stubborn.kill('SIGTERM');
      return code ?? undefined;
    },
    5_000,
  );
  expect(code).toBe(1);
  expect(said.match(/stopping/g)).toHaveLength(1);
  expect(said).toContain('again SIGTERM');
});
