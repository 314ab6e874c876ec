import { examine } from '../../src/cli/environment';

const enough = {
  MONGODB_URL: 'mongodb://localhost/x',
  REDIS_URL: 'redis://localhost',
  UPS_ENV: 'sandbox',
  UPS_CLIENT_ID: 'client',
  UPS_CLIENT_SECRET: 'secret',
  ENCRYPTION_KEYS: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
};

it.each([
  ['SANDBOX_PORT', { PORT: '4401' }],
  ['SANDBOX_PORT', { SANDBOX_PORT: '4400' }],
  ['REDIS_URL', { REDIS_URL: 'redis://localhost/abc' }],
  ['MONGODB_URL', { MONGODB_URL: 'mongodb://u:p@ss@localhost' }],
  ['UPS_CLIENT_SECRET', { UPS_CLIENT_SECRET: 'secret\n' }],
])('the doctor looks at the rest although %s is bad: %o', (variable, env) => {
  const { config, problems } = examine({ ...enough, ...env });
  expect(problems.map((one) => one.variable)).toEqual([variable]);
  expect(config.logLevel).toBe('info');
});
