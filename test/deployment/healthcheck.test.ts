import { spawn } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { freePort } from '../../src/dev/network';

const script = path.join(__dirname, '..', '..', 'docker', 'healthcheck.js');

async function exitCode(env: Record<string, string>): Promise<number | null> {
  const child = spawn(process.execPath, [script], { env, stdio: 'ignore' });
  return new Promise((resolve) => child.once('exit', resolve));
}

async function answering(status: number, use: (port: number) => Promise<void>, host = '127.0.0.1'): Promise<void> {
  const server = http.createServer((_request, response) => response.writeHead(status).end());
  await new Promise<void>((done) => server.listen(0, host, done));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

describe("the image's health check", () => {
  it('asks /readyz of a role with the api', async () => {
    await answering(200, async (port) => expect(await exitCode({ ROLE: 'api', PORT: String(port) })).toBe(0));
    await answering(503, async (port) => expect(await exitCode({ ROLE: 'all', PORT: String(port) })).toBe(1));
    expect(await exitCode({ PORT: String(await freePort()) })).toBe(1);
  });

  it.each([
    ['', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['127.0.0.2', '127.0.0.2'],
    ['localhost', 'localhost'],
  ])('asks where HOST=%s listens', async (given, host) => {
    const check = async (port: number) =>
      expect(await exitCode({ ROLE: 'api', PORT: String(port), HOST: given })).toBe(0);
    await answering(200, check, host);
  });

  const hasIpv6 = Object.values(os.networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));
  (hasIpv6 ? it.each(['::', '::1']) : it.skip.each(['::', '::1']))('asks where HOST=%s listens', async (host) => {
    const check = async (port: number) =>
      expect(await exitCode({ ROLE: 'api', PORT: String(port), HOST: host })).toBe(0);
    await answering(200, check, host);
  });

  it('asks of the other roles whether a member of MongoDB and Redis can be reached', async () => {
    await answering(200, async (port) => {
      const [there, gone] = [`127.0.0.1:${port}`, `127.0.0.1:${await freePort()}`];
      const worker = (mongodb: string, redis: string) =>
        exitCode({
          ROLE: 'worker',
          MONGODB_URL: `mongodb://u:p@${mongodb}/upslink?w=1`,
          REDIS_URL: `redis://:p@${redis}/0`,
        });
      expect(await worker(`${gone},${there}`, there)).toBe(0);
      expect(await worker(gone, there)).toBe(1);
      expect(await worker(there, gone)).toBe(1);
    });
  });
});
