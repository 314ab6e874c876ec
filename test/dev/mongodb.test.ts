import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder } from '../../src/dev/context';
import { startMongodb } from '../../src/dev/mongodb';
import { devContext, type TestContext } from '../support/dev-context';
import { testDatabase } from '../support/servers';

let context: TestContext;
afterEach(() => context.dispose());

function remember(server: string): void {
  mkdirSync(path.join(context.folder, 'mongodb', 'data'), { recursive: true });
  writeFileSync(path.join(context.folder, 'mongodb', 'server.json'), JSON.stringify({ server }));
}

describe('startMongodb', () => {
  it('takes the one MONGODB_URL names before anything else, and does not stop it', async () => {
    const { url } = await testDatabase('given');
    context = devContext({ MONGODB_URL: url });
    context.addProgram('mongod', '#!/bin/sh\nexit 1\n');
    const server = await startMongodb(context);
    expect(server).toMatchObject({ name: 'MONGODB_URL', url });
    await server.stop();
    await expect(startMongodb(context)).resolves.toMatchObject({ url });
  });

  it('refuses a MONGODB_URL where nothing answers, without showing its password', async () => {
    context = devContext({ MONGODB_URL: 'mongodb://user:hush@127.0.0.1:1/' });
    const refused = startMongodb(context);
    await expect(refused).rejects.toThrow('MONGODB_URL is set, but no MongoDB answers there');
    await expect(refused).rejects.not.toThrow('hush');
  });

  it('goes on when a mongod on the PATH does not start, and at once where downloads do not resolve', async () => {
    context = devContext();
    const program = context.addProgram('mongod', '#!/bin/sh\necho illegal instruction >&2\nexit 4\n');
    const refused = startMongodb(context);
    await expect(refused).rejects.toThrow(/Set MONGODB_URL to one that runs, or put mongod on the PATH/);
    await expect(refused).rejects.toThrow(/Install Python 3 with venv/);
    const said = context.said.join('\n');
    expect(said).toContain(`mongod (${program}) ended with exit code 4`);
    expect(said).toContain('illegal instruction');
    expect(said).toContain('nowhere.invalid does not resolve here');
    expect(existsSync(path.join(context.folder, 'mongodb'))).toBe(false);
  });

  it('stays with the server that made a data folder, and says so when that one is not to be had', async () => {
    context = devContext({ PATH: process.env['PATH'] });
    remember('gone');
    const refused = startMongodb(context);
    await expect(refused).rejects.toThrow('was made by gone, which cannot be started here');
    await expect(refused).rejects.toThrow('set DATA_DIR to a new folder');
    expect(existsSync(path.join(context.folder, 'mongodb', 'data'))).toBe(true);
  });

  it('refuses data of which nobody knows the server', async () => {
    context = devContext();
    mkdirSync(path.join(context.folder, 'mongodb', 'data'), { recursive: true });
    await expect(startMongodb(context)).rejects.toThrow('has data but no server.json');
  });

  it('keeps its port over a restart, and remembers its server', async () => {
    const cache = path.dirname(cacheFolder(process.env));
    context = devContext({ ...process.env, XDG_CACHE_HOME: cache, MONGODB_URL: '' });
    const first = await startMongodb(context);
    await first.stop();
    const remembered = JSON.parse(readFileSync(path.join(context.folder, 'mongodb', 'server.json'), 'utf8')) as object;
    expect(remembered).toMatchObject({ name: first.name });
    const second = await startMongodb(context);
    expect(second.url).toBe(first.url);
    await second.stop();
  });
});
