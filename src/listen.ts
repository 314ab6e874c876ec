/** The address the api listens on: whether this machine has it is found out before anything is opened. */

import { createServer } from 'node:net';
import { ConfigError } from './config';

/** By the code of Node's error. */
const PROBLEMS: Record<string, string> = {
  ENOTFOUND: 'does not resolve',
  EAI_AGAIN: 'does not resolve: the name server did not answer',
  EADDRNOTAVAIL: 'is not an address of this machine',
  EAFNOSUPPORT: 'is of an address family that this machine does not have',
  EINVAL: 'cannot be listened on: an address of one network needs its interface, such as fe80::1%eth0',
};

/** Listens there for a moment, on any free port. Throws ConfigError. */
export async function assertListensOn(host: string | null): Promise<void> {
  if (host === null) return;
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: 0 }, resolve);
    });
  } catch (error) {
    const problem = PROBLEMS[(error as NodeJS.ErrnoException).code ?? ''];
    if (problem === undefined) throw error;
    const way = 'set an address of this machine, or leave it empty for all of them';
    throw new ConfigError([{ variable: 'HOST', problem: `${JSON.stringify(host)} ${problem}; ${way}` }]);
  }
  await new Promise((resolve) => server.close(resolve));
}

/** The message names the variable and what to do. */
class PortRefused extends Error {
  constructor(
    readonly code: 'port-taken' | 'port-not-allowed',
    message: string,
    cause: unknown,
  ) {
    super(message, { cause });
  }
}

/** For `catch`: an error of listening, named by its variable. */
export const namingPort =
  (variable: string, port: number) =>
  (error: unknown): never => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new PortRefused(
        'port-taken',
        `Port ${port} is taken: stop what listens there, or set ${variable} to another.`,
        error,
      );
    if (code === 'EACCES')
      throw new PortRefused(
        'port-not-allowed',
        `Port ${port} may not be used by this user: set ${variable} to one above 1023.`,
        error,
      );
    throw error;
  };
