import { json, upslink } from './upslink';

/** Nothing listens there. */
const NOWHERE = 'mongodb://someone:hunter2@127.0.0.1:1/upslink';

it('shows its commands on stdout when asked for help, loading none of them', async () => {
  const { code, stdout, stderr } = await upslink(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const name of ['serve', 'sandbox', 'doctor', 'tenant', 'api-key', 'accounts']) expect(stdout).toContain(name);
});

it.each([
  [['accounts']],
  [['frobnicate']],
  [['accounts', 'list', '--state', 'lost']],
  [['accounts', 'list', '--limit', '0']],
  [['accounts', 'list', '--cursor', 'acc_']],
  [['accounts', 'show']],
  [['accounts', 'show', 'acc_1', 'acc_2']],
  [['accounts', 'history', 'acc_1', '--after', '-1']],
  [['accounts', 'replay']],
  [['accounts', 'replay', 'acc_1', '--all']],
  [['tenant', 'create', '--name', 'Acme']],
  [['tenant', 'create', '--id', 'Acme Inc', '--name', 'Acme']],
  [['tenant', 'create', '--id', 'acme', '--name', 'Acme', '--return-origin', 'https://shop.example/path']],
  [['tenant', 'create', '--id', 'acme', '--name', 'Acme', '--refresh-policy', 'adaptive']],
  [['api-key', 'create', '--tenant', 'acme']],
  [['api-key', 'create', '--role', 'reader']],
  [['api-key', 'create', '--role', 'admin', '--tenant', 'acme']],
  [['doctor', '--thorough']],
])('ends with 2 and opens nothing for wrong usage: %j', async (args) => {
  // A wrong usage that reached MongoDB would end with 1.
  const { code, stdout, stderr } = await upslink(args, { MONGODB_URL: NOWHERE });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).not.toBe('');
  expect(stderr).not.toMatch(/\n\s+at /);
});

it('says a failure in one sentence with the way out, without a stack or a password', async () => {
  const { code, stdout, stderr } = await upslink(['accounts', 'list'], { MONGODB_URL: NOWHERE });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toMatch(/^upslink: MongoDB did not answer: .*\n$/);
  expect(stderr).not.toContain('hunter2');
});

it('says it as JSON on stderr with --json, wrong usage too', async () => {
  const [failed, wrong] = await Promise.all([
    upslink(['accounts', 'list', '--json'], { MONGODB_URL: NOWHERE }),
    upslink(['accounts', 'list', '--json', '--stat', 'created']),
  ]);
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  expect(json({ ...failed, stdout: failed.stderr })).toMatchObject({ error: { code: 'store-unavailable' } });
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(json({ ...wrong, stdout: wrong.stderr })).toMatchObject({ error: { code: 'wrong-usage' } });
});

it('asks for the variables a command uses, and for no others', async () => {
  const [list, serve] = await Promise.all([upslink(['accounts', 'list']), upslink(['serve'])]);
  expect(list.code).toBe(1);
  expect(list.stderr).toContain('MONGODB_URL');
  expect(list.stderr).not.toContain('REDIS_URL');
  expect(serve.code).toBe(1);
  for (const name of ['MONGODB_URL', 'REDIS_URL', 'UPS_CLIENT_ID', 'ENCRYPTION_KEYS'])
    expect(serve.stderr).toContain(name);
});
