import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { ImportReport } from '../../../src/api/imports/importKeys';
import { REQUIRED_COLUMNS } from '../../../src/api/imports/lines';
import type { AccountJson, RowJson } from '../../../src/api/schemas/answers';
import { goThroughUps } from '../../support/browsing';
import { openHouse, RETURN, type House, type ProblemJson } from '../house';

const DAY = 86_400_000;

let house: House;
beforeAll(async () => {
  house = await openHouse('api-import');
  for (const id of ['acme', 'other']) await deadline(id, 30 * DAY);
});
afterAll(() => house.release());

const deadline = (id: string, fromNowMs: number) =>
  house.call('PATCH', `/tenants/${id}`, {
    key: house.keys.admin,
    body: { accessKeyDeadline: new Date(house.clock.now() + fromNowMs).toISOString() },
  });

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

const send = (body: string, key = house.keys.operator, headers: Record<string, string> = {}, query = '') =>
  house.send<ImportReport & ProblemJson>('POST', `/v1/access-keys/import${query}`, {
    headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv', ...headers },
    body,
  });
const load = async (...lines: string[]) => (await send([HEADER, ...lines].join('\n'))).body;

const named = async (name: string): Promise<AccountJson> => {
  const { body } = await house.call<{ items: AccountJson[] }>('GET', `/accounts?text=${encodeURIComponent(name)}`);
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
  const stored = await house.services.db.accounts.findOne({ _id: account.id });
  const rows = await house.services.db.history.find({ accountId: account.id }).toArray();
  expect(rows).toHaveLength(1);
  expect(JSON.stringify([stored, rows, house.logged])).not.toContain('SECRET');
  const key = await house.call<{ password: string }>('GET', `/accounts/${account.id}/access-key`);
  expect(key.body).toEqual({
    accessLicenseNumber: '0123456789ABCDEF',
    userId: 'user-SECRET',
    password: 'pass-SECRET',
  });
});

it('takes accounts in disconnected after the deadline', async () => {
  await deadline('other', -DAY);
  const name = `Old ${made + 1}`;
  await send(`${HEADER}\n${lineOf()}`, house.keys.admin, {}, '?tenantId=other');
  const { body } = await house.call<{ items: AccountJson[] }>('GET', `/accounts?text=${encodeURIComponent(name)}`, {
    key: house.keys.other,
  });
  expect(body.items[0]).toMatchObject({ state: 'disconnected', reason: 'access-key-sunset', tenantId: 'other' });
});

it('again changes nothing, whatever became of the accounts since', async () => {
  const lines = [lineOf(), lineOf(), lineOf(), lineOf()];
  expect(await load(...lines)).toMatchObject({ created: 4 });
  const [one, two, three] = await Promise.all([3, 2, 1].map((back) => named(`Old ${made - back}`)));
  const link = await house.link(one?.id ?? '');
  await goThroughUps(link.connectUrl, await house.profile('A1B2C3'), { returnTo: RETURN });
  await house.event(two?.id ?? '', { type: 'DEACTIVATE' });
  await house.call('PATCH', `/accounts/${three?.id}`, { body: { owner: 'store' }, headers: { 'if-match': '"1"' } });
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

it('reads no file that says it is of another charset or compressed', async () => {
  const body = [HEADER, lineOf()].join('\n');
  for (const charset of ['latin1', 'utf-16', 'windows-1252'])
    expect((await send(body, undefined, { 'content-type': `text/csv; charset=${charset}` })).body).toMatchObject({
      status: 415,
      field: 'Content-Type',
    });
  expect((await send(body, undefined, { 'content-encoding': 'gzip' })).body).toMatchObject({
    status: 415,
    field: 'Content-Encoding',
  });
  expect((await send(body, undefined, { 'content-type': 'text/csv; charset="UTF-8"' })).body.created).toBe(1);
});

it('does not take a name that is taken, by another account or earlier in the file', async () => {
  const { name } = await house.create();
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
  const { platform, reader, admin } = house.keys;
  for (const key of [platform, reader]) expect((await send(HEADER, key)).status).toBe(403);
  expect((await send(HEADER, admin)).body.field).toBe('tenantId');
  expect((await send(HEADER, house.keys.operator, { 'content-type': 'application/json' })).status).toBe(415);
  expect((await send(HEADER, house.keys.operator, { 'content-encoding': 'gzip' })).status).toBe(415);
  expect((await send(HEADER)).body).toEqual({ created: 0, unchanged: 0, failed: [] });
});

it('takes more lines than one batch, each with its row of history', async () => {
  const lines = Array.from({ length: 120 }, (_, n) => lineOf(n % 40 === 0 ? { country: '' } : {}));
  const report = await load(...lines);
  expect([report.created, report.failed.length]).toEqual([117, 3]);
  const { id } = await named(`Old ${made}`);
  const { body } = await house.call<{ items: RowJson[] }>('GET', `/accounts/${id}/history`);
  expect(body.items).toMatchObject([{ seq: 1, type: 'IMPORT', told: ['account.created'] }]);
  expect((await house.services.db.accounts.findOne({ _id: id }))?.outbox).toEqual([]);
});

it('is finished by importing the whole file again after half of it was in', async () => {
  const lines = Array.from({ length: 100 }, () => lineOf());
  expect(await load(...lines.slice(0, 50))).toMatchObject({ created: 50 });
  expect(await load(...lines)).toEqual({ created: 50, unchanged: 50, failed: [] });
});

/** A request whose body the test writes by itself. */
function upload(requestId: string, more: Record<string, string> = {}) {
  const about = { 'content-type': 'text/csv', 'x-request-id': requestId, ...more };
  const headers = { authorization: `Bearer ${house.keys.operator}`, ...about };
  const { port } = new URL(house.publicUrl);
  return request({ port, method: 'POST', path: '/v1/access-keys/import', headers });
}

it('takes an upload that breaks off for no fault of ours', async () => {
  const broken = upload('broken-off-1', { expect: '100-continue' }).on('error', () => undefined);
  broken.flushHeaders();
  await once(broken, 'continue');
  await new Promise((sent) => broken.write(`${HEADER}\n${lineOf()}\n`, sent));
  broken.destroy();
  const ofIt = () => house.logged.filter((line) => line.includes('broken-off-1'));
  await house.until(async () => ofIt().length > 0);
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
