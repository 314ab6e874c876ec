/** `upslink doctor`: everything the service stands on, looked at once, each with what to do next. */

import type { Db } from '../../db/connection';
import { countAccounts } from '../../db/kinds';
import { examine, type Environment, type Examined } from '../environment';
import { failureOf, FoundFault } from '../failure';
import { withOpenDb } from '../store';
import { paint, type Output } from '../output';
import { makeProgress } from '../progress';
import { paragraph } from '../table';
import { fail, notChecked, ok, type Check } from './check';
import { judgeClocks, type OtherClock } from './clock';
import { checkEpoch } from './epoch';
import { checkKeys } from './keys';
import { checkKeyUse } from './keyUse';
import { checkLeftAlone } from './leftAlone';
import { askMongodb, checkWrite, judgeIndexes, judgeServer, missingIndexes } from './mongodb';
import { checkRedis } from './redis';
import { checkSecondPlace } from './secondPlace';
import { checkPublicUrl, checkUps } from './ups';

type Told = (check: Check) => void;

interface Visit {
  examined: Examined;
  now: () => number;
  tell: Told;
  out: Output;
  clocks: OtherClock[];
}

const isBad = ({ examined }: Visit, ...names: string[]): boolean =>
  examined.problems.some(({ variable }) => names.includes(variable));

/** Throws FoundFault when a check failed; a warning is none. */
export async function runDoctor(env: Environment, out: Output): Promise<void> {
  const checks: Check[] = [];
  const visit: Visit = { examined: examine(env), now: Date.now, tell: (check) => checks.push(check), out, clocks: [] };
  tellEnvironment(visit);
  await visitMongodb(visit);
  await visitRedis(visit);
  visit.tell(await checkSecondPlace(visit.examined.config.spoolDir));
  await visitUps(visit);
  visit.tell(judgeClocks(visit.clocks));
  const isHealthy = checks.every(({ status }) => status !== 'fail');
  out.result({ ok: isHealthy, checks }, () => checks.map((check) => describe(check, out.width)).join('\n'));
  if (!isHealthy) throw new FoundFault();
}

function tellEnvironment({ examined, tell }: Visit): void {
  for (const { variable, problem } of examined.problems)
    tell(fail('environment', `${variable} ${problem}`, `Correct ${variable} for every process of the service.`));
  const { role, dataDir } = examined.config;
  if (examined.problems.length === 0)
    tell(ok('environment', `usable; role ${role}, data in ${dataDir}, Node ${process.versions.node}`));
}

async function visitMongodb(visit: Visit): Promise<void> {
  const { examined, now, tell, clocks } = visit;
  if (isBad(visit, 'MONGODB_URL')) return tell(notChecked('MongoDB', 'Set MONGODB_URL'));
  const facts = await askMongodb(examined.config.mongodbUrl, now);
  if ('status' in facts) return tell(facts);
  tell(judgeServer(facts));
  const { hello, answeredAt, tripMs } = facts;
  if (hello.localTime)
    clocks.push({ whose: 'MongoDB', said: hello.localTime.getTime(), ours: answeredAt, errorMs: tripMs });
  try {
    await withOpenDb(examined.config, (db) => lookInside(visit, db));
  } catch (error) {
    tell(fail('MongoDB', failureOf(error).message, 'Repair MongoDB first, then run the doctor again.'));
  }
}

async function lookInside(visit: Visit, db: Db): Promise<void> {
  const { examined, now, tell } = visit;
  tell(await checkWrite(db, now));
  const missing = await missingIndexes(db);
  tell(judgeIndexes(missing));
  // Without its index it would read every account.
  if (missing.length > 0) tell(notChecked('left alone', 'Let `upslink serve` create the indexes'));
  else tell(await checkLeftAlone(db, now));
  if (isBad(visit, 'ENCRYPTION_KEYS')) tell(notChecked('encryption keys', 'Set ENCRYPTION_KEYS'));
  else await lookAtKeys(visit, db);
  // With a stand-in the deployment would be named wrong.
  if (examined.problems.length > 0) tell(notChecked('epoch', 'Correct the variables above'));
  else tell(await checkEpoch(db, examined.config));
}

async function lookAtKeys({ examined: { config }, tell, out }: Visit, db: Db): Promise<void> {
  const opens = await checkKeys(db, config.encryptionKeys);
  tell(opens);
  const total = await countAccounts(db);
  const progress = makeProgress(out, 'accounts counted');
  const looked = (done: number) => progress.reached({ done, share: total > 0 ? Math.min(1, done / total) : null });
  const counting = checkKeyUse(db, config, { looked, isTold: opens.status === 'fail' });
  tell(await counting.finally(() => progress.end()));
}

async function visitRedis(visit: Visit): Promise<void> {
  if (isBad(visit, 'REDIS_URL')) return visit.tell(notChecked('Redis', 'Set REDIS_URL'));
  for (const check of await checkRedis(visit.examined.config.redisUrl)) visit.tell(check);
}

async function visitUps(visit: Visit): Promise<void> {
  const { examined, now, tell, clocks } = visit;
  if (isBad(visit, 'UPS_ENV', 'UPS_BASE_URL', 'UPS_CLIENT_ID', 'PUBLIC_URL', 'PORT', 'SANDBOX_PORT'))
    tell(notChecked('UPS', 'Correct the variables above'));
  else {
    const { check, answered } = await checkUps(examined.config, now);
    tell(check);
    if (answered !== null && answered.date !== null) {
      // The header counts whole seconds, so it is half a second early on average.
      const { date, answeredAt, tripMs } = answered;
      clocks.push({ whose: 'UPS', said: date + 500, ours: answeredAt, errorMs: tripMs + 500 });
    }
  }
  if (isBad(visit, 'PUBLIC_URL', 'PORT')) return tell(notChecked('PUBLIC_URL', 'Correct the variables above'));
  tell(await checkPublicUrl(examined.config, now));
}

const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;
const INDENT = 26;

function describe({ name, status, detail, next }: Check, width: number): string {
  const head = `${paint(COLOURS[status], status.padEnd(4))}  ${name.padEnd(18)}  `;
  const seen = paragraph(detail, { width, indent: INDENT });
  const advice = next === null ? '' : `\n${' '.repeat(INDENT)}${paragraph(next, { width, indent: INDENT })}`;
  return head + seen + advice;
}
