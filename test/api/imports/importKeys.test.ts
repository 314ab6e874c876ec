import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { importAccessKeys } from '../../../src/api/actions/accessKeys';
import type { ImportReport } from '../../../src/api/imports/importKeys';
import { REQUIRED_COLUMNS } from '../../../src/api/imports/lines';
import { Refusal } from '../../../src/api/problems';
import type { AccountJson, RowJson } from '../../../src/api/schemas/answers';
import { acquireLease, releaseLease } from '../../../src/db/lease';
import { goThroughUps } from '../../support/merchantBrowser';
import { until } from '../../support/until';
import { openTestApi, RETURN, type TestApi, type ProblemJson } from '../testApi';

/** Against hanging only. */
const PATIENCE_MS = 180_000;
jest.setTimeout(PATIENCE_MS);

const DAY = 86_400_000;

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-import');
  for (const id of ['acme', 'other']) await deadline(id, 30 * DAY);
});
afterAll(() => api.release());

const deadline = (id: string, fromNowMs: number) =>
  api.call('PATCH', `/tenants/${id}`, {
    key: api.keys.admin,
    body: { accessKeyDeadline: new Date(api.clock.now() + fromNowMs).toISOString() },
  });

const comes = (condition: () => Promise<boolean>) => until('the test can go on', condition, PATIENCE_MS);

let made = 0;
const HEADER = [...REQUIRED_COLUMNS, 'external_id'].join(',');
const cells = (changes: Partial<Record<string, string>> = {}) => ({
  name: `Old ${++made}`,
  account_number: 'A1B2C3',
  address_line: '1 Dock St',
  city: 'Timonium',
  state: 'MD',
  postal_code: '21093',
  country: 'US',
  owner: 'shipper',
  access_license_number: '0123456789ABCDEF',
  user_id: 'user-SECRET',
  password: 'pass-SECRET',
  external_id: '',
  ...changes,
});
const lineOf = (changes: Partial<Record<string, string>> = {}) =>
  Object.values(cells(changes))
    .map((cell = '') => `"${cell.replaceAll('"', '""')}"`)
    .join(',');

const send = (body: string | Buffer, key = api.keys.operator, headers: Record<string, string> = {}, query = '') =>
  api.send<ImportReport & ProblemJson>('POST', `/v1/access-keys/import${query}`, {
    headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv', ...headers },
    body: body as NonNullable<RequestInit['body']>,
  });
const load = async (...lines: string[]) => (await send([HEADER, ...lines].join('\n'))).body;

const named = async (name: string): Promise<AccountJson> => {
  const { body } = await api.call<{ items: AccountJson[] }>('GET', `/accounts?text=${encodeURIComponent(name)}`);
  const found = body.items.find((one) => one.name === name);
  if (!found) throw new Error(`no ${name}`);
  return found;
};

it('takes accounts in, connected on their keys, and seals the keys', async () => {
  const name = `Old ${made + 1}`;
  expect(await load(lineOf({ external_id: 'x-1' }))).toEqual({ created: 1, unchanged: 0, failed: [] });
  const account = await named(name);
  expect(account).toMatchObject({
    scheme: 'access-key',
    state: 'connected',
    externalId: 'x-1',
    refreshPolicy: 'eager',
  });
  expect(account.accessKey?.daysLeft).toBe(30);
  const stored = await api.services.db.accounts.findOne({ _id: account.id });
  const rows = await api.services.db.history.find({ accountId: account.id }).toArray();
  expect(rows).toHaveLength(1);
  expect(JSON.stringify([stored, rows, api.logged])).not.toContain('SECRET');
  const key = await api.call<{ password: string }>('GET', `/accounts/${account.id}/access-key`);
  expect(key.body).toEqual({
    accessLicenseNumber: '0123456789ABCDEF',
    userId: 'user-SECRET',
    password: 'pass-SECRET',
  });
});

it('takes accounts in disconnected after the deadline', async () => {
  await deadline('other', -DAY);
  const name = `Old ${made + 1}`;
  await send(`${HEADER}\n${lineOf()}`, api.keys.admin, {}, '?tenantId=other');
  const { body } = await api.call<{ items: AccountJson[] }>('GET', `/accounts?text=${encodeURIComponent(name)}`, {
    key: api.keys.other,
  });
  expect(body.items[0]).toMatchObject({ state: 'disconnected', reason: 'access-key-sunset', tenantId: 'other' });
});

it('again changes nothing, whatever became of the accounts since', async () => {
  const lines = [lineOf(), lineOf(), lineOf(), lineOf()];
  expect(await load(...lines)).toMatchObject({ created: 4 });
  const [one, two, three] = await Promise.all([3, 2, 1].map((back) => named(`Old ${made - back}`)));
  const link = await api.link(one?.id ?? '');
  await goThroughUps(link.connectUrl, await api.profile('A1B2C3'), { returnTo: RETURN });
  await api.event(two?.id ?? '', { type: 'DEACTIVATE' });
  await api.call('PATCH', `/accounts/${three?.id}`, { body: { owner: 'store' }, headers: { 'if-match': '"1"' } });
  expect(await load(...lines)).toEqual({ created: 0, unchanged: 4, failed: [] });
  expect((await named(`Old ${made - 3}`)).scheme).toBe('oauth');
});

it('twice at once creates each account once', async () => {
  const lines = Array.from({ length: 40 }, () => lineOf());
  const [one, other] = await Promise.all([load(...lines), load(...lines)]);
  expect([one.created + other.created, one.unchanged + other.unchanged]).toEqual([40, 40]);
  expect([...one.failed, ...other.failed]).toEqual([]);
});

it('keeps the good lines beside bad ones, and reports these by line, column and why', async () => {
  const bad: [Partial<Record<string, string>>, string][] = [
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(101) }, 'name'],
    [{ account_number: 'a1b2c3' }, 'account_number'],
    [{ account_number: 'A1B2C' }, 'account_number'],
    [{ address_line: '' }, 'address_line'],
    [{ city: ' ' }, 'city'],
    [{ state: '' }, 'state'],
    [{ postal_code: '' }, 'postal_code'],
    [{ country: 'XX' }, 'country'],
    [{ country: 'usa' }, 'country'],
    [{ owner: 'me' }, 'owner'],
    [{ access_license_number: 'has space' }, 'access_license_number'],
    [{ user_id: '' }, 'user_id'],
    [{ password: '' }, 'password'],
    [{ password: 'SECRET\u0007' }, 'password'],
    [{ external_id: 'x'.repeat(201) }, 'external_id'],
  ];
  const good = lineOf({ country: 'DE', state: '', postal_code: '' });
  const report = await load(...bad.map(([changes]) => lineOf(changes)), good, `${good},too,many`);
  expect(report.created).toBe(1);
  expect(report.failed.slice(0, -1).map(({ line, field, code }) => [line, field, code])).toEqual(
    bad.map(([, field], n) => [n + 2, field, 'invalid-input']),
  );
  expect(report.failed.at(-1)).toMatchObject({ line: bad.length + 3, field: null, code: 'invalid-csv' });
  for (const { field, message } of report.failed.slice(0, -1)) expect(message).toContain(field ?? '');
  expect(JSON.stringify(report)).not.toContain('SECRET');
});

it('has for addresses and names the rules and hints of the API', async () => {
  const bad: [Partial<Record<string, string>>, string, string][] = [
    [{ postal_code: '2109' }, 'postal_code', 'write 02109'],
    [{ postal_code: '21093.0' }, 'postal_code', 'write 21093'],
    [{ postal_code: '210931234' }, 'postal_code', 'write 21093-1234'],
    [{ state: 'Maryland' }, 'state', 'use MD'],
    [{ state: 'PR', postal_code: '00901' }, 'state', 'PR as the country'],
    [{ country: 'CA', state: 'ON' }, 'postal_code', 'ZIP code'],
    [{ name: 'UPS\u200bEast' }, 'name', 'U+200B'],
    [{ city: 'Timo\u00adnium' }, 'city', 'U+00AD'],
    [{ external_id: 'x\u3164' }, 'external_id', 'invisible'],
  ];
  const report = await load(...bad.map(([changes]) => lineOf(changes)));
  expect(report.failed.map(({ line, field }) => [line, field])).toEqual(bad.map(([, field], n) => [n + 2, field]));
  report.failed.forEach(({ message }, n) => expect(message).toContain(bad[n]?.[2]));
});

it('imports once what is written in two ways', async () => {
  const name = `Two ways ${++made}`;
  const plain = { name, country: 'CA', state: 'ON', postal_code: 'K1A 0B1' };
  const other = { name: name.replaceAll(' ', '\u00a0'), country: 'CA', state: 'on', postal_code: 'k1a0b1' };
  expect(await load(lineOf(plain), lineOf(other))).toEqual({ created: 1, unchanged: 1, failed: [] });
  expect((await named(name)).address).toMatchObject({ stateProvinceCode: 'ON', postalCode: 'K1A 0B1' });
});

it('reads no file that says it is compressed', async () => {
  const body = [HEADER, lineOf()].join('\n');
  expect((await send(body, undefined, { 'content-encoding': 'gzip' })).body).toMatchObject({
    status: 415,
    field: 'Content-Encoding',
  });
  expect((await send(body, undefined, { 'content-type': 'text/csv; charset="UTF-8"' })).body.created).toBe(1);
});

it('does not take a name that is taken, by another account or earlier in the file', async () => {
  const { name } = await api.create();
  const [mine, twin] = [lineOf({ name: 'Twice' }), lineOf({ name: 'Twice', password: 'another' })];
  const report = await load(lineOf({ name }), mine, mine, twin);
  expect([report.created, report.unchanged]).toEqual([1, 1]);
  expect(report.failed.map(({ line, field, code }) => [line, field, code])).toEqual([
    [2, 'name', 'name-taken'],
    [5, 'name', 'name-taken'],
  ]);
});

it.each([
  ['no header', 'a,b,c\n1,2,3', undefined],
  ['a column missing', HEADER.replace(',password', ''), 'password'],
  ['an empty body', '', undefined],
])('refuses a file with %s, by the column if one is known', async (_, body, field) => {
  const { status, body: problem } = await send(body);
  expect([status, problem.code, problem.field]).toEqual([400, 'invalid-input', field]);
});

it('is for operators and admins, and takes CSV alone', async () => {
  const { platform, reader, admin } = api.keys;
  for (const key of [platform, reader]) expect((await send(HEADER, key)).status).toBe(403);
  expect((await send(HEADER, admin)).body.field).toBe('tenantId');
  expect((await send(HEADER, api.keys.operator, { 'content-type': 'application/json' })).status).toBe(415);
  expect((await send(HEADER, api.keys.operator, { 'content-encoding': 'gzip' })).status).toBe(415);
  expect((await send(HEADER)).body).toEqual({ created: 0, unchanged: 0, failed: [] });
});

it('takes more lines than one batch, each with its row of history', async () => {
  const lines = Array.from({ length: 120 }, (_, n) => lineOf(n % 40 === 0 ? { country: '' } : {}));
  const report = await load(...lines);
  expect([report.created, report.failed.length]).toEqual([117, 3]);
  const { id } = await named(`Old ${made}`);
  const { body } = await api.call<{ items: RowJson[] }>('GET', `/accounts/${id}/history`);
  expect(body.items).toMatchObject([{ seq: 1, type: 'IMPORT', told: ['account.created'] }]);
  expect((await api.services.db.accounts.findOne({ _id: id }))?.outbox).toEqual([]);
});

it('is finished by importing the whole file again after half of it was in', async () => {
  const lines = Array.from({ length: 100 }, () => lineOf());
  expect(await load(...lines.slice(0, 50))).toMatchObject({ created: 50 });
  expect(await load(...lines)).toEqual({ created: 50, unchanged: 50, failed: [] });
});

/** A request whose body the test writes by itself. */
function upload(requestId: string, more: Record<string, string> = {}) {
  const about = { 'content-type': 'text/csv', 'x-request-id': requestId, ...more };
  const headers = { authorization: `Bearer ${api.keys.operator}`, ...about };
  const { port } = new URL(api.publicUrl);
  return request({ port, method: 'POST', path: '/v1/access-keys/import', headers });
}

it('takes an upload that breaks off for no fault of ours', async () => {
  const broken = upload('broken-off-1', { expect: '100-continue' }).on('error', () => undefined);
  broken.flushHeaders();
  await once(broken, 'continue');
  await new Promise((sent) => broken.write(`${HEADER}\n${lineOf()}\n`, sent));
  broken.destroy();
  const ofIt = () => api.logged.filter((line) => line.includes('broken-off-1'));
  await comes(async () => ofIt().length > 0);
  // By the end of another import whatever else was to be said of this one has been said.
  await load(lineOf());
  expect(ofIt().map((line) => JSON.parse(line) as object)).toEqual([
    expect.objectContaining({ level: 30, route: '/v1/access-keys/import', status: 499, whole: false }),
  ]);
});

it('says what is wrong with a file while the rest of it is still coming, and hears it out', async () => {
  const sending = upload('still-coming-1');
  const write = () => new Promise((sent) => sending.write('1,2,3\n'.repeat(10_000), sent));
  sending.write('a,b,c\n');
  const [answer] = (await once(sending, 'response')) as [IncomingMessage];
  expect(answer.statusCode).toBe(400);
  for (let n = 0; n < 100; n++) await write();
  sending.end();
  await once(answer.resume(), 'end');
});

const DONE = { created: 0, unchanged: 0, failed: [] };
const MB = 1024 * 1024;

/** How many places are held. */
const held = () => api.services.db.leases.countDocuments({ _id: /^imports?:/ });

/** An import that has its place and is not sent to its end. */
async function begin(requestId: string): Promise<ClientRequest> {
  const before = await held();
  const begun = upload(requestId).on('error', () => undefined);
  begun.write(`${HEADER}\n`);
  await comes(async () => (await held()) === before + 2);
  return begun;
}
async function answerOf(
  sent: ClientRequest,
): Promise<{ status: number | undefined; body: ProblemJson & ImportReport }> {
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const text = (await answer.setEncoding('utf8').toArray()).join('');
  return { status: answer.statusCode, body: JSON.parse(text) as ProblemJson & ImportReport };
}

describe('places for imports', () => {
  const take = (name: string) =>
    acquireLease(api.services.db, { name, holder: 'another process', now: api.clock.now(), ttlMs: 45_000 });
  const giveBack = (name: string) => releaseLease(api.services.db, { name, holder: 'another process' });

  it('are two for a tenant; the third import hears so, and other tenants do not', async () => {
    const [one, two] = [await begin('place-number-1'), await begin('place-number-2')];
    const third = await send(HEADER);
    expect([third.status, third.body.code]).toEqual([429, 'too-many-imports']);
    expect(Number(third.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(third.body.detail).toContain('A tenant runs 2 imports at a time');
    expect((await send(HEADER, api.keys.admin, {}, '?tenantId=other')).status).toBe(200);
    for (const sent of [one, two]) {
      sent.end();
      expect(await answerOf(sent)).toEqual({ status: 200, body: DONE });
    }
    expect((await send(HEADER)).status).toBe(200);
    expect(await held()).toBe(0);
  });

  it('are counted over all processes, and free again a minute after one was killed', async () => {
    for (const name of ['import:acme:0', 'import:acme:1']) await take(name);
    expect((await send(HEADER)).status).toBe(429);
    await giveBack('import:acme:1');
    expect((await send(HEADER)).status).toBe(200);
    await take('import:acme:1');
    api.pass(60_000);
    expect((await send(HEADER)).status).toBe(200);
    for (const name of ['import:acme:0', 'import:acme:1']) await giveBack(name);
  });

  it('are eight for the installation; who hears so keeps none', async () => {
    const all = Array.from({ length: 8 }, (_, n) => `imports:${n}`);
    for (const name of all) expect(await take(name)).toBe(true);
    const refused = await send(HEADER);
    expect([refused.status, refused.body.code]).toEqual([429, 'too-many-imports']);
    expect(refused.body.detail).toContain('The installation runs 8 imports at a time');
    expect(await held()).toBe(8);
    await giveBack('imports:5');
    expect((await send(HEADER)).status).toBe(200);
    for (const name of all) await giveBack(name);
  });
});

describe('a client that hangs up', () => {
  const rows = (count: number) => Array.from({ length: count }, () => lineOf()).join('\n');
  const accounts = () => api.services.db.accounts.countDocuments({ tenantId: 'acme' });

  it('while its file is imported ends the import and gives its place back', async () => {
    const before = await accounts();
    const sent = upload('hung-up-rows-1').on('error', () => undefined);
    sent.end(`${HEADER}\n${rows(2_000)}`);
    await comes(async () => (await accounts()) > before);
    sent.destroy();
    await comes(async () => (await held()) === 0);
    const after = await accounts();
    expect(after).toBeLessThan(before + 2_000);
    await load(lineOf());
    expect(await accounts()).toBe(after + 1);
  });

  it('in the middle of sending it likewise', async () => {
    const sent = await begin('hung-up-sending-1');
    sent.destroy();
    await comes(async () => (await held()) === 0);
  });

  it('or of lines that hold nothing likewise', async () => {
    const sent = upload('hung-up-blank-1').on('error', () => undefined);
    sent.write(`${HEADER}\n`);
    const blank = Buffer.alloc(MB, '\n');
    for (let n = 0; n < 8; n++) sent.write(blank);
    await comes(async () => (await held()) === 2);
    sent.destroy();
    await comes(async () => (await held()) === 0);
    expect((await send(HEADER)).body).toEqual(DONE);
  });
});

it('lets other requests be answered while it reads millions of empty lines', async () => {
  const answered: string[] = [];
  const file = Buffer.concat([Buffer.from(`${HEADER}\n`), Buffer.alloc(15 * MB, '\n'), Buffer.from(lineOf())]);
  const importing = send(file).then(({ body }) => {
    answered.push('import');
    return body;
  });
  await comes(async () => (await held()) === 2);
  for (let n = 0; n < 3; n++) {
    await api.send('GET', '/healthz');
    answered.push('healthz');
  }
  expect(await importing).toMatchObject({ created: 1, failed: [] });
  expect(answered).toEqual(['healthz', 'healthz', 'healthz', 'import']);
});

describe('what an import may be', () => {
  const tooLarge = /larger than 16 MB\. Split the file, or import it with `upslink access-keys import`/;

  it('is refused before it is read where its length is declared', async () => {
    const sent = upload('declared-length-1', { 'content-length': String(16 * MB + 1) }).on('error', () => undefined);
    sent.flushHeaders();
    const { status, body } = await answerOf(sent);
    sent.destroy();
    expect([status, body.code]).toEqual([413, 'too-large']);
    expect(body.detail).toMatch(tooLarge);
    expect(await held()).toBe(0);
  });

  it('is so many bytes where no length is declared; what was read by then is in', async () => {
    const sent = upload('no-length-1').on('error', () => undefined);
    sent.write(`${HEADER}\n${lineOf()}\n`);
    for (let n = 0; n < 17; n++) sent.write(Buffer.alloc(MB, '\n'));
    const answer = answerOf(sent);
    sent.end();
    const { status, body } = await answer;
    expect([status, body.code]).toEqual([413, 'too-large']);
    expect(body.detail).toMatch(tooLarge);
  });

  const caller = { tenantId: 'acme', role: 'operator' as const, keyId: 'key_test' };
  const limited = async (
    limits: { bytes: number; rows: number; ms: number },
    open: () => AsyncIterable<Uint8Array>,
  ) => {
    const upload = { open, wanted: new AbortController().signal };
    const refused: unknown = await importAccessKeys(api.services, caller, { upload, limits }).catch(
      (error: unknown) => error,
    );
    return refused as Refusal;
  };

  it('is so many lines; those before are in, and told', async () => {
    const text = [HEADER, lineOf(), '', lineOf({ country: 'XX' }), lineOf()].join('\n');
    const refused = await limited({ bytes: MB, rows: 2, ms: 60_000 }, async function* () {
      yield Buffer.from(text);
    });
    expect(refused).toBeInstanceOf(Refusal);
    expect([refused.code, refused.message]).toEqual(['too-large', expect.stringContaining('more than 2 lines')]);
    expect(refused.extras.more).toMatchObject({ report: { created: 1, failed: [{ line: 4, field: 'country' }] } });
  });

  it('is so long a time; what is in is told, and importing it again goes on', async () => {
    const refused = await limited({ bytes: MB, rows: 9, ms: 1_000 }, async function* () {
      yield Buffer.from(`${HEADER}\n${lineOf()}\n`);
      for (;;) yield Buffer.from('\n');
    });
    expect([refused.code, refused.message]).toEqual([
      'too-slow',
      expect.stringContaining('Import the same file again'),
    ]);
    expect(refused.extras.more).toMatchObject({ report: { created: 1 } });
    expect(await held()).toBe(0);
  });
});

describe('the encoding', () => {
  const typed = (charset: string) => ({ 'content-type': `text/csv; header=present; charset=${charset}` });

  it.each(['windows-1252', '"ISO-8859-1"', 'latin1'])('is what charset=%s says', async (charset) => {
    const name = `Caf\u00e9 \u0080 ${++made}`;
    const { body } = await send(
      Buffer.from(`${HEADER}\n${lineOf({ name })}`, 'latin1'),
      api.keys.operator,
      typed(charset),
    );
    expect(body).toEqual({ created: 1, unchanged: 0, failed: [] });
    expect((await named(name.replace('\u0080', '€'))).accountNumber).toBe('A1B2C3');
  });

  it.each(['utf-7', 'nonsense', '""', 'utf-8x'])('charset=%s is refused by name', async (charset) => {
    const { status, body } = await send(HEADER, api.keys.operator, typed(charset));
    expect([status, body.code, body.field]).toEqual([415, 'unsupported-media-type', 'charset']);
  });

  it('that is not UTF-8 is told by line and column, with the way out', async () => {
    const { body } = await send(Buffer.from(`${HEADER}\n${lineOf({ name: 'Café' })}`, 'latin1'));
    expect(body.failed).toMatchObject([{ line: 2, field: 'name', code: 'invalid-csv' }]);
    expect(body.failed[0]?.message).toContain('"CSV UTF-8 (comma delimited)"');
  });
});
