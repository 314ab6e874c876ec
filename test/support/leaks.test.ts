import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

/** jest on one made-up test file, in this project's environment; what it printed. */
async function jestOn(test: string): Promise<string> {
  const root = path.join(__dirname, '..', '..');
  mkdirSync(path.join(root, 'test-output'), { recursive: true });
  const folder = mkdtempSync(path.join(root, 'test-output', 'leaks-'));
  const file = path.join(folder, 'made-up.test.ts');
  writeFileSync(file, `import { testDatabase } from '../../test/support/servers';\n${test}`);
  const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const args = ['--roots', folder, '--runTestsByPath', file, '--forceExit'];
  const env = { ...process.env, LEAK_PATIENCE_MS: '3000' };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [jest, ...args], { cwd: root, env });
    return stdout + stderr;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return stdout + stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('a test file', () => {
  it('fails when it leaves a server or a timer open', async () => {
    const said = await jestOn(`
      import http from 'node:http';
      it('leaves things open', async () => {
        setInterval(() => undefined, 1000);
        await new Promise<void>((done) => http.createServer().listen(0, '127.0.0.1', done));
      });`);
    expect(said).toMatch(/left open: .*1 TCPServerWrap/);
    expect(said).toMatch(/left open: .*a timer made at .*made-up\.test\.ts/);
    expect(said).toContain('1 failed, 1 total');
  });

  it('passes when it closes what it opened, and its database is dropped', async () => {
    const said = await jestOn(`
      it('tidies up', async () => {
        await testDatabase('passing');
        clearInterval(setInterval(() => undefined, 1000));
      });`);
    expect(said).toContain('1 passed, 1 total');
    expect(said).not.toContain('kept for you');
  });

  it('keeps its database when it fails, and says where', async () => {
    const said = await jestOn(`
      it('fails', async () => {
        await testDatabase('failing');
        expect(1).toBe(2);
      });`);
    const [, name] = /kept for you to look at[^:]*: (upslink_test_failing_[0-9a-f]{8})/.exec(said) ?? [];
    expect(name).toBeDefined();
    const [, folder] = /DATA_DIR=(\S+) npm start/.exec(said) ?? [];
    if (folder === undefined) return;
    expect(readdirSync(path.join(folder, 'mongodb'))).toContain('server.json');
    rmSync(folder, { recursive: true, force: true });
  });
});
