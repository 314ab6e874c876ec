import type { ProfileVerificationJson } from '../../src/api/schemas/answers';
import { openTestApi, type TestApi, type ProblemJson } from './testApi';

const DAY = 86_400_000;
const HOUR = 3_600_000;

let api: TestApi;
beforeAll(async () => {
  api = await openTestApi('api-profile-verifications');
});
afterAll(() => api.release());

const dayFrom = (days: number) => new Date(api.clock.now() + days * DAY).toISOString().slice(0, 10);
const invoice = (changes: object = {}) => ({
  invoiceNumber: '0000A1B2C3456',
  invoiceDate: dayFrom(-10),
  invoiceAmount: '1234.56',
  controlId: 'X1Y2',
  ...changes,
});

type Body = ProfileVerificationJson & ProblemJson & { windowOpensAt: string | null };
const open = (id: string, body: object = invoice()) =>
  api.call<Body>('POST', `/accounts/${id}/profile-verifications`, { body });
const outcome = (id: string, n: number | string, body: object) =>
  api.call<Body>('POST', `/accounts/${id}/profile-verifications/${n}/outcome`, { body });

it('three tries are opened in 24 hours, and the fourth is told when the window opens', async () => {
  const { id } = await api.create();
  const began = api.clock.now();
  const first = await open(id);
  expect([first.status, first.body.n, first.body.attemptsLeft, first.body.windowOpensAt]).toEqual([201, 1, 2, null]);
  api.pass(HOUR);
  expect((await open(id, { method: 'pin' })).body).toMatchObject({ n: 2, attemptsLeft: 1, method: 'pin' });
  const third = (await open(id)).body;
  expect(third.attemptsLeft).toBe(0);
  const opensAt = Date.parse(third.windowOpensAt ?? '');
  expect(opensAt - began - DAY).toBeLessThan(10_000);
  const fourth = await open(id);
  expect([fourth.status, fourth.body.code, fourth.body.windowOpensAt]).toEqual([
    429,
    'verification-attempts-exhausted',
    third.windowOpensAt,
  ]);
  expect(Number(fourth.headers.get('retry-after'))).toBeGreaterThan(22 * 3600);
  api.pass(opensAt - api.clock.now() + 1);
  expect((await open(id)).body).toMatchObject({ n: 4, attemptsLeft: 0 });
});

it('of ten at once three are opened', async () => {
  const { id } = await api.create();
  const answers = await Promise.all(Array.from({ length: 10 }, () => open(id)));
  expect(
    answers
      .filter(({ status }) => status === 201)
      .map(({ body }) => body.n)
      .sort(),
  ).toEqual([1, 2, 3]);
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(7);
});

it('nothing of the invoice is kept anywhere', async () => {
  const { id } = await api.create();
  await open(id, invoice({ invoiceNumber: 'INV77SECRET' }));
  const stored = await api.services.db.accounts.findOne({ _id: id });
  const rows = await api.services.db.history.find({ accountId: id }).toArray();
  expect(JSON.stringify([stored, rows, api.logged])).not.toContain('INV77SECRET');
  const { body } = await api.call<{ items: { type: string }[] }>('GET', `/accounts/${id}/history`);
  expect(body.items.at(-1)).toMatchObject({ type: 'PROFILE_VERIFICATION_OPENED', method: 'invoice' });
});

it.each<[string, () => object, string]>([
  ['an invoice of 61 days ago', () => invoice({ invoiceDate: dayFrom(-61) }), 'invoiceDate'],
  ['an invoice of tomorrow', () => invoice({ invoiceDate: dayFrom(1) }), 'invoiceDate'],
  ['a day that does not exist', () => invoice({ invoiceDate: '2026-02-30' }), 'invoiceDate'],
  ['another form of date', () => invoice({ invoiceDate: '11/23/2026' }), 'invoiceDate'],
  ['an amount with a currency', () => invoice({ invoiceAmount: '$12.34' }), 'invoiceAmount'],
  ['an amount with commas', () => invoice({ invoiceAmount: '1,234.56' }), 'invoiceAmount'],
  ['an amount of nothing', () => invoice({ invoiceAmount: '0.00' }), 'invoiceAmount'],
  ['an amount with leading zeros', () => invoice({ invoiceAmount: '0012.34' }), 'invoiceAmount'],
  ['an amount with a zero too many', () => invoice({ invoiceAmount: '00.50' }), 'invoiceAmount'],
  ['an amount below zero', () => invoice({ invoiceAmount: '-1.00' }), 'invoiceAmount'],
  ['an amount without cents', () => invoice({ invoiceAmount: '12' }), 'invoiceAmount'],
  ['an amount of more than two decimals', () => invoice({ invoiceAmount: '12.345' }), 'invoiceAmount'],
  ['an amount that is a number', () => invoice({ invoiceAmount: 12.34 }), 'invoiceAmount'],
  ['a number with spaces', () => invoice({ invoiceNumber: '00 12' }), 'invoiceNumber'],
  ['no number', () => invoice({ invoiceNumber: undefined }), 'invoiceNumber'],
  ['a control id with a hyphen', () => invoice({ controlId: 'A-1' }), 'controlId'],
  ['an unknown field', () => invoice({ note: 'x' }), 'note'],
  ['an unknown method', () => ({ method: 'sms' }), 'method'],
  ['an invoice beside a PIN', () => ({ ...invoice(), method: 'pin' }), 'invoiceNumber'],
  ['nothing', () => ({}), 'invoiceNumber'],
])('%s is refused by name, and costs no try', async (_, body, field) => {
  const { id } = await api.create();
  const { status, body: problem } = await open(id, body());
  expect([status, problem.code, problem.field]).toEqual([400, 'invalid-input', field]);
  expect((await open(id)).body.attemptsLeft).toBe(2);
});

it('says what an amount looks like, and takes the least and the largest', async () => {
  const { id } = await api.create();
  const { detail } = (await open(id, invoice({ invoiceAmount: '0.00' }))).body;
  expect(detail).toBe(
    'invoiceAmount must be more than zero, with two decimals and without currency, commas or leading zeros, such as 1234.56.',
  );
  for (const invoiceAmount of ['0.01', '0.50', '999999999.99'])
    expect((await open(id, invoice({ invoiceAmount }))).status).toBe(201);
});

it('takes an invoice of today, of 60 days ago, and one without a control id', async () => {
  const { id } = await api.create();
  for (const changes of [{ invoiceDate: dayFrom(0) }, { invoiceDate: dayFrom(-60) }, { controlId: undefined }])
    expect((await open(id, invoice(changes))).status).toBe(201);
});

it('the outcome is what the merchant says, once', async () => {
  const { id } = await api.create();
  await open(id);
  expect((await outcome(id, 1, { accepted: false })).body).toMatchObject({ n: 1, accepted: false, attemptsLeft: 2 });
  expect((await outcome(id, 1, { accepted: false })).status).toBe(200);
  expect((await outcome(id, 1, { accepted: true })).body.code).toBe('outcome-known');
  for (const n of [2, 0, 'x']) expect((await outcome(id, n, { accepted: true })).status).toBe(404);
  expect((await outcome(id, 1, { accepted: 'yes' })).body.field).toBe('accepted');
  expect((await outcome(id, 1, {})).body.field).toBe('accepted');
  const { body } = await api.call<Body & { items: object[] }>('GET', `/accounts/${id}/profile-verifications`);
  expect(body).toMatchObject({ items: [{ n: 1, method: 'invoice', accepted: false }], attemptsLeft: 2 });
});
