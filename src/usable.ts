/** Whether what the environment names can be used, asked when the process starts; what cannot is named by its variable. */

import { ConfigError, type ConfigProblem } from './config';
import { assertTakesUs, RedisRefused } from './workers/redis';
import { assertWritable } from './workers/spool/disk';

type Found = Promise<ConfigProblem | null>;

/** Throws ConfigError naming all of them. */
export async function refuseUnusable(asked: readonly Found[]): Promise<void> {
  const problems = (await Promise.all(asked)).filter((one) => one !== null);
  if (problems.length > 0) throw new ConfigError(problems);
}

/** Only what another login or index mends: a Redis that is away, or refuses for now, is no reason not to start. */
export async function redisProblem(url: string): Found {
  try {
    await assertTakesUs(url);
    return null;
  } catch (error) {
    if (!(error instanceof RedisRefused)) throw error;
    const { code, sentence } = error.refusal;
    return { variable: 'REDIS_URL', problem: `${sentence} (${code})` };
  }
}

/** What stays so until somebody changes the folder or the variable; a disk that is full or fails may recover. */
const LASTING: Record<string, string> = {
  ENOTDIR: 'is below something that is not a folder',
  EEXIST: 'is not a folder',
  EACCES: 'cannot be written by this user',
  EPERM: 'cannot be written by this user',
  EROFS: 'is on a file system that is read-only',
  ENAMETOOLONG: 'is too long for a path',
  ELOOP: 'is a loop of links',
};

export async function folderProblem(variable: string, folder: string): Found {
  try {
    await assertWritable(folder);
    return null;
  } catch (error) {
    const what = LASTING[(error as NodeJS.ErrnoException).code ?? ''];
    if (what === undefined) return null;
    return { variable, problem: `${folder} ${what}. Name a folder that this process may write to` };
  }
}

/** By MongoDB's codes: AuthenticationFailed, and the same where MongoDB is hosted. */
const LOGIN_REFUSED = new Set<unknown>([18, 8000]);

/** Judges only a refused login; other failures of `connecting` are left to its other callers. */
export async function mongodbProblem(connecting: Promise<unknown>): Found {
  try {
    await connecting;
    return null;
  } catch (error) {
    const isRefused = error instanceof Error && 'code' in error && LOGIN_REFUSED.has(error.code);
    const problem = 'MongoDB refused the login. Set the right user, password and authSource';
    return isRefused ? { variable: 'MONGODB_URL', problem } : null;
  }
}
