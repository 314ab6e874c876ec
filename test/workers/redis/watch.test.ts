import { makeBackoff } from '../../../src/workers/redis/backoff';
import { refusalOf } from '../../../src/workers/redis/refusal';
import { makeRedisWatch } from '../../../src/workers/redis/watch';

/** As ioredis makes it. */
function reply(message: string, command: string): Error {
  const error = Object.assign(new Error(message), { command: { name: command, args: [] } });
  error.name = 'ReplyError';
  return error;
}
const coded = (code: string): Error => Object.assign(new Error('SECRET'), { code });

describe('what is a refusal', () => {
  it.each([
    ['WRONGPASS invalid username-password pair or user is disabled.', 'hello', 'WRONGPASS', true],
    ['NOAUTH HELLO must be called with the client already authenticated', 'hello', 'NOAUTH', true],
    ['ERR invalid password', 'auth', 'WRONGPASS', true],
    ['NOPERM this user has no permissions to run the hello command', 'HELLO', 'NOPERM', true],
    ["NOPERM User service has no permissions to run the 'evalsha' command", 'evalsha', 'NOPERM', false],
    ["ERR The user executing the script can't run this command or subcommand script: 1f", 'evalsha', 'NOPERM', false],
    ['ERR DB index is out of range', 'select', 'ERR', true],
    ['ERR SELECT is not allowed in cluster mode', 'select', 'ERR', true],
    ["READONLY You can't write against a read only replica.", 'zadd', 'READONLY', false],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'evalsha', 'OOM', false],
    ['LOADING Redis is loading the dataset in memory', 'ping', 'LOADING', false],
    ['MASTERDOWN Link with MASTER is down', 'get', 'MASTERDOWN', false],
    ['ERR max number of clients reached', 'hello', 'ERR', false],
  ])('%s in answer to %s', (message, command, code, isOfLogin) => {
    expect(refusalOf(reply(message, command))).toMatchObject({ code, isOfLogin, command: command.toLowerCase() });
  });

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'certificate'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'certificate'],
    ['CERT_HAS_EXPIRED', 'certificate'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'certificate'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'TLS'],
    ['EPROTO', 'TLS'],
  ])('%s of a connection is of the %s', (code, named) => {
    expect(refusalOf(coded(code))).toMatchObject({ code: named, isOfLogin: false });
  });

  it('is no lost connection, and nothing that belongs to normal work', () => {
    for (const code of ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENOTFOUND'])
      expect(refusalOf(coded(code))).toBeNull();
    expect(refusalOf(new Error('Connection is closed.'))).toBeNull();
    expect(refusalOf(reply('NOSCRIPT No matching script.', 'evalsha'))).toBeNull();
    expect(refusalOf(reply("ERR unknown command 'HELLO'", 'hello'))).toBeNull();
    expect(refusalOf(reply("ERR unknown subcommand 'SETINFO'", 'client'))).toBeNull();
  });

  it('is told without the words of Redis, which may repeat what was sent', () => {
    const refusal = refusalOf(reply("ERR unknown command 'x', with args beginning with: 'SECRET'", 'xadd'));
    expect(JSON.stringify(refusal)).not.toContain('SECRET');
    expect(refusal?.sentence).toContain('xadd');
  });
});

describe('the watch', () => {
  function made() {
    const logged: string[] = [];
    const note = (fields: object, message: string) => void logged.push(`${JSON.stringify(fields)} ${message}`);
    const time = { now: 0 };
    return { time, logged, watch: makeRedisWatch({ info: note, warn: note }, () => time.now) };
  }
  const oom = reply('OOM command not allowed', 'evalsha');

  it('says a refusal once, whoever meets it again, and once that it is over', () => {
    const { watch, logged } = made();
    for (const who of ['workers', 'producers', 'workers']) watch.failed(who, oom, 'script a');
    watch.failed('workers', oom, 'script b');
    expect(logged).toHaveLength(1);
    for (const who of ['workers', 'producers']) watch.worked(who, () => 'script a', 1);
    expect(watch.refusal()).toMatchObject({ code: 'OOM' });
    watch.worked('workers', () => 'script b', 1);
    expect(watch.refusal()).toBeNull();
    expect(logged).toHaveLength(2);
    watch.failed('workers', oom, 'script a');
    expect(logged).toHaveLength(3);
  });

  it('is not ended by another command, by one that was sent before, or by a connection', () => {
    const { watch } = made();
    watch.failed('workers', oom, 'script a');
    watch.worked('workers', () => 'bzpopmin', 1);
    watch.worked('workers', () => 'script a', 0);
    watch.connected('workers');
    expect(watch.refusal()).toMatchObject({ code: 'OOM' });
  });

  it('forgets what nobody has met for long: nothing is known of it then', () => {
    const { watch, time } = made();
    watch.failed('producers', oom, 'script a');
    time.now = 120_000;
    expect(watch.refusal()).toBeNull();
  });

  it('a Redis that is away refuses nothing', () => {
    const { watch, logged } = made();
    expect(watch.failed('workers', coded('ECONNREFUSED'))).toBeNull();
    expect(watch.refusal()).toBeNull();
    expect(logged).toEqual([expect.stringContaining('Redis is away')]);
  });
});

it('pauses grow to half a minute, and begin anew when it went well for long', () => {
  let now = 0;
  const backoff = makeBackoff(() => now);
  const pauses = Array.from({ length: 8 }, () => backoff.next());
  expect(pauses).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  now = 61_000;
  expect(backoff.next()).toBe(500);
});
