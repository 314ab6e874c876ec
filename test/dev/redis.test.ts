import net from 'node:net';
import path from 'node:path';
import { findOnPath } from '../../src/dev/command';
import { startRedis } from '../../src/dev/redis';
import { devContext, type TestContext } from '../support/dev-context';
import { testRedis } from '../support/servers';

let context: TestContext;
afterEach(() => context.dispose());

const real = findOnPath(['redis-server', 'valkey-server'], process.env);

describe('startRedis', () => {
  it('takes the one REDIS_URL names before anything else', async () => {
    const url = await testRedis();
    context = devContext({ REDIS_URL: url });
    expect(await startRedis(context)).toMatchObject({ name: 'REDIS_URL', url });
  });

  it('refuses a REDIS_URL where nothing answers, without showing its password', async () => {
    context = devContext({ REDIS_URL: 'redis://:hush@127.0.0.1:1' });
    const refused = startRedis(context);
    await expect(refused).rejects.toThrow('REDIS_URL is set, but no Redis answers there');
    await expect(refused).rejects.not.toThrow('hush');
  });

  it('refuses a REDIS_URL where something else answers', async () => {
    const other = net.createServer((socket) => socket.resume().end('SSH-2.0\r\n'));
    await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
    const { port } = other.address() as net.AddressInfo;
    context = devContext({ REDIS_URL: `redis://127.0.0.1:${port}` });
    await expect(startRedis(context)).rejects.toThrow('no Redis answers there');
    await new Promise((done) => other.close(done));
  });

  it('says what to install or set when there is none', async () => {
    context = devContext();
    context.addProgram('redis-server', '#!/bin/sh\necho no memory >&2\nexit 3\n');
    await expect(startRedis(context)).rejects.toThrow(/Set REDIS_URL .* install redis-server or valkey-server/);
    expect(context.said.join('\n')).toContain('no memory');
  });

  (real === undefined ? it.skip : it)('takes valkey-server on the PATH where there is no redis-server', async () => {
    context = devContext();
    const program = context.addProgram('valkey-server', `#!/bin/sh\nexec ${real} "$@"\n`);
    const server = await startRedis(context);
    expect(server.name).toBe(`valkey-server (${program})`);
    expect(context.said.at(-1)).toContain(path.join(context.folder, 'redis'));
    await server.stop();
  });
});
