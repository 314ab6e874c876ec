import dns from 'node:dns/promises';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { within } from '../within';
import { DevError } from './context';

const LOOKUP_MS = 1_500;

/** Whether a download may be tried: the downloaders' own retries would take seconds where there is no network. */
export async function resolves(url: string): Promise<boolean> {
  const { hostname } = new URL(url);
  const found = dns.lookup(hostname).then(
    () => true,
    () => false,
  );
  return (await within(LOOKUP_MS, found)) ?? false;
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

/**
 * Starts something on the port its folder had last time, so that addresses outlive a restart, or on a free one. Tries
 * a second port: between finding a free one and taking it somebody else may have come.
 */
export async function onPortOf<T>(folder: string, start: (port: number) => Promise<T>): Promise<T> {
  const kept = readPort(folder);
  const first = kept !== undefined && (await isPortFree(kept, '127.0.0.1')) ? kept : await freePort();
  const startAndKeep = async (port: number): Promise<T> => {
    const started = await start(port);
    writeFileSync(path.join(folder, 'port'), String(port));
    return started;
  };
  try {
    return await startAndKeep(first);
  } catch (error) {
    if (!(error instanceof DevError)) throw error;
    return startAndKeep(await freePort());
  }
}

function readPort(folder: string): number | undefined {
  try {
    return Number(readFileSync(path.join(folder, 'port'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Without a host: on every address. */
export async function isPortFree(port: number, host?: string): Promise<boolean> {
  const server = net.createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, ...(host === undefined ? {} : { host }), exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
