/** Redis: does it answer, and does it keep what it is given while it runs. It holds no truth, so most faults cost delay. */

import { askRedis, type Refusal } from '../../workers/redis';
import { fail, ok, placeOf, warn, type Check } from './check';

const OLDEST_SERVER = [6, 2] as const;

/** `name:value` lines of INFO. */
export function readInfo(text: string): Map<string, string> {
  const pairs = text.split('\r\n').flatMap((line) => {
    const [name, ...value] = line.split(':');
    return name && value.length > 0 ? [[name, value.join(':')] as const] : [];
  });
  return new Map(pairs);
}

export async function checkRedis(url: string): Promise<Check[]> {
  const asked = await askRedis(url, 'info');
  if (asked.kind === 'refused') return [refused(asked.refusal)];
  if (asked.kind === 'away')
    return [fail('Redis', `does not answer at ${placeOf(url)}; ${MEANWHILE}`, 'Start it, or correct REDIS_URL.')];
  const info = readInfo(asked.text);
  return [judgeVersion(info), judgeMemory(info), judgePersistence(info)];
}

const MEANWHILE = 'no data is lost meanwhile, but work is late';

function refused({ code, sentence }: Refusal): Check {
  const [seen = '', ...next] = sentence.split('. ');
  return fail('Redis', `${seen} (${code}); ${MEANWHILE}`, next.join('. '));
}

function judgeVersion(info: Map<string, string>): Check {
  const version = info.get('redis_version') ?? 'unknown';
  const isCluster = info.get('redis_mode') === 'cluster' || info.get('cluster_enabled') === '1';
  const seen = `${version}${isCluster ? ', cluster' : ''}`;
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isOld = major < OLDEST_SERVER[0] || (major === OLDEST_SERVER[0] && minor < OLDEST_SERVER[1]);
  return isOld ? warn('Redis', seen, `Upgrade it to ${OLDEST_SERVER.join('.')} or later.`) : ok('Redis', seen);
}

export function judgeMemory(info: Map<string, string>): Check {
  const policy = info.get('maxmemory_policy') ?? 'unknown';
  const isCapped = (info.get('maxmemory') ?? '0') !== '0';
  const seen = `maxmemory-policy ${policy}${isCapped ? '' : ', no maxmemory'}`;
  if (policy === 'noeviction') return ok('Redis memory', seen);
  const next = 'Set maxmemory-policy to noeviction: otherwise a full Redis drops jobs.';
  return isCapped ? fail('Redis memory', seen, next) : warn('Redis memory', seen, next);
}

export function judgePersistence(info: Map<string, string>): Check {
  const isAppending = info.get('aof_enabled') === '1';
  if (isAppending && info.get('aof_last_write_status') === 'err')
    return fail(
      'Redis persistence',
      'the append-only file cannot be written',
      'Free space on its disk, then run the doctor again.',
    );
  if (isAppending) return ok('Redis persistence', 'append-only file');
  const next = 'Set appendonly yes: without it a restart of Redis delays what is due until the next sweep.';
  return warn('Redis persistence', 'no append-only file', next);
}
