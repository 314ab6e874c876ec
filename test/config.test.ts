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
      logLevel: 'info',
      sandboxPort: 4401,
    });
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
  ])('refuses %s=%s and nothing else', (variable, value) => {
    expect(refused({ ...enough, [variable]: value })).toEqual([variable]);
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
    [{ UPS_ENV: undefined, UPS_BASE_URL: ' HTTPS://WWWCIE.ups.com:443' }, 'cie', 'https://wwwcie.ups.com'],
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

  it('takes one number as rate limit for both, at once and a second', () => {
    expect(loadConfig({ ...enough, RATE_LIMIT: '50' }).rateLimit).toEqual({ burst: 50, perSecond: 50 });
    expect(loadConfig({ ...enough, RATE_LIMIT: '50:5' }).rateLimit).toEqual({ burst: 50, perSecond: 5 });
  });
});
