import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { ConfigError, loadConfig } from '../src/config';

const key = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const enough = {
  MONGODB_URL: 'mongodb://localhost:27017',
  REDIS_URL: 'redis://localhost:6379',
  UPS_ENV: 'sandbox',
  UPS_CLIENT_ID: 'client',
  UPS_CLIENT_SECRET: 'hush',
  ENCRYPTION_KEYS: `k1:${key(1)}`,
};

function refusal(env: Record<string, string | undefined>): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the environment was accepted');
}

const refused = (env: Record<string, string | undefined>): string[] =>
  refusal(env).problems.map((problem) => problem.variable);

describe('loadConfig', () => {
  it('fills in every documented default', () => {
    expect(loadConfig(enough)).toEqual({
      mongodbUrl: 'mongodb://localhost:27017',
      mongodbDatabase: 'upslink',
      redisUrl: 'redis://localhost:6379',
      port: 4400,
      host: null,
      publicUrl: 'http://localhost:4400',
      ups: {
        environment: 'sandbox',
        baseUrl: 'http://localhost:4401',
        clientId: 'client',
        clientSecret: 'hush',
        verification: 'strict',
      },
      encryptionKeys: [{ id: 'k1', key: Buffer.alloc(32, 1) }],
      role: 'all',
      dataDir: path.resolve('.data'),
      spoolDir: path.resolve('.data/spool'),
      deployment: 'http://localhost:4400, UPS sandbox, client 948fe603',
      requireSpoolEpoch: false,
      accessKeyDeadlineAt: Date.UTC(2024, 7, 1),
      consentTtlMs: 1_800_000,
      rateLimit: { burst: 1000, perSecond: 500 },
      maxConcurrentRequests: 200,
      trustedProxies: [],
      logLevel: 'info',
      sandboxPort: 4401,
    });
  });

  it('takes addresses and networks of proxies, and nothing that would trust everybody', () => {
    const { trustedProxies } = loadConfig({ ...enough, TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.7,2001:db8::/32' });
    expect(trustedProxies).toEqual(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
    for (const bad of [
      'true',
      '1',
      '0.0.0.0/0',
      '10.0.0.0/33',
      '::/0',
      'proxy.local',
      '10.0.0.1,',
      '10.0.0.0/8/8',
      '10.0.0.0/',
    ])
      expect(refused({ ...enough, TRUSTED_PROXIES: bad })).toEqual(['TRUSTED_PROXIES']);
  });

  it('names every bad variable at once', () => {
    const message = refusal({ PORT: 'http', ROLE: 'boss', LOG_LEVEL: 'loud', CONSENT_TTL_SECONDS: '0' }).message;
    for (const name of [
      ...['MONGODB_URL', 'REDIS_URL', 'UPS_ENV', 'UPS_CLIENT_ID', 'UPS_CLIENT_SECRET', 'ENCRYPTION_KEYS'],
      ...['PORT', 'ROLE', 'LOG_LEVEL', 'CONSENT_TTL_SECONDS'],
    ]) {
      expect(message).toContain(`  ${name}: `);
    }
  });

  it('takes an empty variable as not set', () => {
    expect(loadConfig({ ...enough, PORT: '', PUBLIC_URL: '', UPS_BASE_URL: '' }).port).toBe(4400);
    expect(refused({ ...enough, UPS_CLIENT_SECRET: '' })).toEqual(['UPS_CLIENT_SECRET']);
  });

  it.each([
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '44.5'],
    ['PORT', ' 4400'],
    ['SANDBOX_PORT', '-1'],
    ['MONGODB_URL', 'localhost:27017'],
    ['MONGODB_URL', 'http://localhost'],
    ['REDIS_URL', 'localhost:6379'],
    ['PUBLIC_URL', 'accounts.example.com'],
    ['PUBLIC_URL', 'https://example.com/accounts'],
    ['PUBLIC_URL', 'https://example.com/?a=1'],
    ['PUBLIC_URL', 'https://me:secret@example.com'],
    ['PUBLIC_URL', 'http://example.com'],
    ['PUBLIC_URL', 'ftp://example.com'],
    ['PUBLIC_URL', 'blob:https://example.com/1'],
    ['UPS_ENV', 'prod'],
    ['UPS_BASE_URL', 'onlinetools.ups.com'],
    ['UPS_BASE_URL', 'https://onlinetools.ups.com?x=1'],
    ['ROLE', 'ALL'],
    ['VERIFICATION', 'soft'],
    ['ACCESS_KEY_DEADLINE', '2024-08-01'],
    ['ACCESS_KEY_DEADLINE', '2024-13-01T00:00:00.000Z'],
    ['ACCESS_KEY_DEADLINE', '2024-08-01T00:00:00'],
    ['CONSENT_TTL_SECONDS', '1e3'],
    ['MAX_CONCURRENT_REQUESTS', '3'],
    ['RATE_LIMIT', '0:500'],
    ['RATE_LIMIT', '1000:'],
    ['RATE_LIMIT', '1000/500'],
    ['RATE_LIMIT', '1000:500:2'],
    ['ENCRYPTION_KEYS', key(1)],
    ['ENCRYPTION_KEYS', `k1:${key(1)},`],
    ['ENCRYPTION_KEYS', `k1:${key(1)},k1:${key(2)}`],
    ['ENCRYPTION_KEYS', `k1:${Buffer.alloc(31).toString('base64')}`],
    ['ENCRYPTION_KEYS', `k1:${Buffer.alloc(33).toString('base64')}`],
    ['ENCRYPTION_KEYS', `k 1:${key(1)}`],
    ['ENCRYPTION_KEYS', 'k1:****'],
    ['ENCRYPTION_KEYS', `k.1:${key(1)}`],
    ['HOST', '127.0.0.1:4400'],
    ['HOST', 'http://localhost'],
    ['HOST', '[::1]'],
    ['HOST', '127.0.1'],
    ['HOST', '256.0.0.1'],
    ['HOST', 'all of them'],
    ['HOST', '*'],
    ['HOST', '-a.example.com'],
    ['ENCRYPTION_KEYS', `k1:${Buffer.alloc(32, 0xff).toString('base64url')}=`],
    ['ENCRYPTION_KEYS', `k1:${key(1).slice(0, 10)} ${key(1).slice(10)}`],
    ['ENCRYPTION_KEYS', `k1:${key(1).slice(0, 10)}\n${key(1).slice(10)}`],
    ['ENCRYPTION_KEYS', `k1:${key(1).slice(0, -1)}`],
    ['ENCRYPTION_KEYS', `k1:${key(1).slice(0, -2)}F=`],
    ['ENCRYPTION_KEYS', `k1:${key(1)},k2:${key(1)}`],
    ['ACCESS_KEY_DEADLINE', '2025-02-29T00:00:00.000Z'],
    ['REDIS_URL', 'redis://localhost/abc'],
    ['REDIS_URL', 'redis://localhost/-1'],
    ['REDIS_URL', 'redis://localhost/1/2'],
    ['REDIS_URL', 'redis://localhost/0x1'],
    ['REDIS_URL', 'redis://localhost:0'],
    ['REDIS_URL', 'redis://localhost:99999'],
    ['REDIS_URL', 'redis://localhost?db=2'],
    ['REDIS_URL', 'redis://localhost/0?enableOfflineQueue=true'],
    ['REDIS_URL', 'redis:///0'],
    ['REDIS_URL', 'redis://:pa/ss@localhost'],
    ['REDIS_URL', 'redis://:pa#ss@localhost'],
    ['REDIS_URL', 'redis://:pa?ss@localhost'],
    ['REDIS_URL', 'redis://:pa%ss@localhost'],
    ['REDIS_URL', 'redis://user:12/ss@localhost'],
    ['REDIS_URL', 'redis://user:12#ss@localhost'],
    ['REDIS_URL', 'redis://user:12?ss@localhost'],
    ['REDIS_URL', 'redis://local host'],
    ['MONGODB_URL', 'mongodb://user:pa@ss@localhost/x'],
    ['MONGODB_URL', 'mongodb://user:pa/ss@localhost/x'],
    ['MONGODB_URL', 'mongodb://user:pa%ss@localhost/x'],
    ['MONGODB_URL', 'mongodb://user:pa?ss@localhost/x'],
    ['MONGODB_URL', 'mongodb://user:pa#ss@localhost/x'],
    ['MONGODB_URL', 'mongodb://user:12/ss@localhost/x'],
    ['MONGODB_URL', 'mongodb://localhost/x?noSuchOption=1'],
    ['MONGODB_URL', 'mongodb://localhost/x?tls=perhaps'],
    ['MONGODB_URL', 'mongodb://localhost/x?tls'],
    ['MONGODB_URL', 'mongodb://localhost/x?tlsCAFile=/no/such/file'],
    ['MONGODB_URL', 'mongodb://localhost:99999/x'],
    ['MONGODB_URL', 'mongodb+srv://cluster.example.com:27017/x'],
    ['MONGODB_URL', 'mongodb://localhost/a.b'],
    ['MONGODB_URL', 'mongodb://localhost/a/b'],
    ['PUBLIC_URL', 'https://*.example.com'],
    ['PUBLIC_URL', 'https://example.com?'],
    ['PUBLIC_URL', 'https://exam ple.com'],
    ['PUBLIC_URL', 'https://example.com\n'],
    ['UPS_BASE_URL', 'https://ups.example.com/#'],
    ['UPS_BASE_URL', ' https://ups.example.com'],
    ['UPS_CLIENT_ID', 'client\n'],
    ['UPS_CLIENT_ID', 'cli:ent'],
    ['UPS_CLIENT_ID', ' client'],
    ['UPS_CLIENT_SECRET', 'hush\r\n'],
    ['UPS_CLIENT_SECRET', 'hu\tsh'],
    ['UPS_CLIENT_SECRET', 'hüsh'],
    ['UPS_CLIENT_SECRET', 'hush '],
    ['DEPLOYMENT_NAME', ' '],
    ['DEPLOYMENT_NAME', 'production '],
    ['DEPLOYMENT_NAME', 'production\n'],
    ['SANDBOX_PORT', '4400'],
  ])('refuses %s=%s and nothing else', (variable, value) => {
    expect(refused({ ...enough, [variable]: value })).toEqual([variable]);
  });

  it.each([
    ['REDIS_URL', 'redis://localhost'],
    ['REDIS_URL', 'redis://localhost/'],
    ['REDIS_URL', 'rediss://user:p%2Fa%23s%25s@redis.example.com:6380/15'],
    ['REDIS_URL', 'redis://:secret@[::1]:6379/0'],
    ['MONGODB_URL', 'mongodb://user:p%40a%2Fs%25s@one:27017,two:27018/x?replicaSet=rs&authSource=admin'],
    ['MONGODB_URL', 'mongodb+srv://cluster.example.com/x'],
    ['MONGODB_URL', 'mongodb://localhost/?socketTimeoutMS=9000'],
    ['UPS_CLIENT_SECRET', 'with:colon and space'],
    ['ENCRYPTION_KEYS', `k1:${key(1)}\n`],
    ['PUBLIC_URL', 'https://xn--bcher-kva.example:8443'],
    ['PUBLIC_URL', 'https://bücher.example'],
    ['PUBLIC_URL', 'http://[::1]:4400'],
  ])('takes %s=%s', (variable, value) => {
    expect(() => loadConfig({ ...enough, [variable]: value })).not.toThrow();
  });

  it('says how a password is to be written, and names an option that is none', () => {
    const of = (env: object) => refusal({ ...enough, ...env }).message;
    expect(of({ REDIS_URL: 'redis://:pa%ss@localhost' })).toMatch(/REDIS_URL: .*% as %25/);
    expect(of({ MONGODB_URL: 'mongodb://u:pa@ss@localhost' })).toMatch(/MONGODB_URL: .*@ as %40/);
    expect(of({ MONGODB_URL: 'mongodb://localhost/x?noSuchOption=1' })).toContain('refuses: noSuchOption');
    expect(of({ ENCRYPTION_KEYS: `k1:${key(1)},k2:${key(1)}` })).toContain('entry 2 holds the key of an earlier entry');
    expect(of({ SANDBOX_PORT: '4400' })).toContain('SANDBOX_PORT: is 4400, as PORT is');
  });

  it('takes a port of the sandbox for one of ours only where the sandbox runs beside the service', () => {
    const same = { ...enough, PORT: '4401' };
    expect(refused(same)).toEqual(['SANDBOX_PORT']);
    expect(loadConfig({ ...same, UPS_ENV: 'production' }).port).toBe(4401);
    expect(loadConfig({ ...same, UPS_BASE_URL: 'http://sandbox:4401' }).port).toBe(4401);
  });

  it('reads the address of UPS as a browser would, so that paths can be appended to it', () => {
    const at = (UPS_BASE_URL: string) => loadConfig({ ...enough, UPS_ENV: undefined, UPS_BASE_URL }).ups.baseUrl;
    expect(at('HTTP://Sandbox:80/ups//')).toBe('http://sandbox/ups');
    expect(at('https://WWWCIE.ups.com')).toBe('https://wwwcie.ups.com');
  });

  it('never shows a value that may be secret', () => {
    const secret = randomBytes(40).toString('hex');
    const message = refusal({
      MONGODB_URL: `http://user:${secret}@host`,
      REDIS_URL: `http://:${secret}@host`,
      PUBLIC_URL: `https://user:${secret}@host`,
      UPS_BASE_URL: `https://user:${secret}@host`,
      UPS_CLIENT_SECRET: secret,
      ENCRYPTION_KEYS: `${secret},k1:${secret},${secret}:${key(1)}`,
    }).message;
    expect(message).toContain('ENCRYPTION_KEYS');
    expect(message).not.toContain(secret.slice(0, 12));
    for (const raw of ['/', '?', '#', '%', '@', '[', '\n']) {
      const login = `user:${secret}${raw}${secret}=1`;
      const urls = { MONGODB_URL: `mongodb://${login}@host/x?y=${secret}`, REDIS_URL: `redis://${login}@host/0` };
      const others = { UPS_CLIENT_SECRET: `${secret}\n`, UPS_CLIENT_ID: `${secret}ü` };
      expect(refusal({ ...enough, ...urls, ...others }).message).not.toContain(secret.slice(0, 12));
    }
  });

  it('keeps the order of the encryption keys: the first seals, all open', () => {
    const { encryptionKeys } = loadConfig({ ...enough, ENCRYPTION_KEYS: `new:${key(2)}, old:${key(1)}` });
    expect(encryptionKeys).toEqual([
      { id: 'new', key: Buffer.alloc(32, 2) },
      { id: 'old', key: Buffer.alloc(32, 1) },
    ]);
  });

  it.each([
    [{ UPS_ENV: 'cie' }, 'cie', 'https://wwwcie.ups.com'],
    [{ UPS_ENV: 'production' }, 'production', 'https://onlinetools.ups.com'],
    [{ UPS_ENV: 'sandbox', SANDBOX_PORT: '5000' }, 'sandbox', 'http://localhost:5000'],
    [{ UPS_ENV: 'sandbox', UPS_BASE_URL: 'http://sandbox:1' }, 'sandbox', 'http://sandbox:1'],
    [{ UPS_ENV: undefined, UPS_BASE_URL: 'http://127.0.0.1:9/ups/' }, 'custom', 'http://127.0.0.1:9/ups'],
    [{ UPS_ENV: undefined, UPS_BASE_URL: 'https://wwwcie.ups.com/' }, 'cie', 'https://wwwcie.ups.com'],
    [{ UPS_ENV: 'cie', UPS_BASE_URL: 'https://wwwcie.ups.com/' }, 'cie', 'https://wwwcie.ups.com'],
    [{ UPS_ENV: undefined, UPS_BASE_URL: 'HTTPS://WWWCIE.ups.com:443' }, 'cie', 'https://wwwcie.ups.com'],
  ])('reads %o as %s at %s', (env, environment, baseUrl) => {
    expect(loadConfig({ ...enough, ...env }).ups).toMatchObject({ environment, baseUrl });
  });

  it('refuses an UPS_ENV that UPS_BASE_URL contradicts', () => {
    expect(refused({ ...enough, UPS_ENV: 'production', UPS_BASE_URL: 'http://localhost:4401' })).toEqual(['UPS_ENV']);
  });

  it.each([
    ['mongodb://localhost', 'upslink'],
    ['mongodb://localhost/', 'upslink'],
    ['mongodb://localhost/mine?w=majority', 'mine'],
    ['mongodb://a:1,b:2/?replicaSet=rs0', 'upslink'],
    ['mongodb+srv://user:pass@cluster.example.com/prod', 'prod'],
  ])('takes the database of %s to be %s', (url, database) => {
    expect(loadConfig({ ...enough, MONGODB_URL: url }).mongodbDatabase).toBe(database);
  });

  it('takes the public address as an origin, and follows the port where none is given', () => {
    const { publicUrl } = loadConfig({ ...enough, PUBLIC_URL: 'HTTPS://Accounts.example.com:443/' });
    expect(publicUrl).toBe('https://accounts.example.com');
    expect(loadConfig({ ...enough, PORT: '4500' }).publicUrl).toBe('http://localhost:4500');
  });

  it.each(['127.0.0.1', '0.0.0.0', '::', '::1', 'localhost', 'api-1.internal', 'host_1', '1st.example.com'])(
    'takes %s as the address to listen on',
    (host) => expect(loadConfig({ ...enough, HOST: host }).host).toBe(host),
  );

  it('takes one number as rate limit for both, at once and a second', () => {
    expect(loadConfig({ ...enough, RATE_LIMIT: '50' }).rateLimit).toEqual({ burst: 50, perSecond: 50 });
    expect(loadConfig({ ...enough, RATE_LIMIT: '50:5' }).rateLimit).toEqual({ burst: 50, perSecond: 5 });
  });
});
