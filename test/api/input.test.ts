import { gzipSync } from 'node:zlib';
import type { AccountJson } from '../../src/api/schemas/answers';
import { newAccount, openTestApi, type TestApi } from './testApi';

let api: TestApi;
let id: string;
beforeAll(async () => {
  api = await openTestApi('api-input');
  id = (await api.create()).id;
});
afterAll(() => api.release());

/** Method, path, whose key, a good body. */
const bodies: [string, string, 'platform' | 'admin', object][] = [
  ['POST', '/accounts', 'platform', newAccount()],
  ['PATCH', '/accounts/:id', 'platform', { owner: 'store' }],
  ['POST', '/accounts/:id/events', 'platform', { type: 'REFRESH' }],
  ['POST', '/accounts/:id/authorization', 'platform', {}],
  ['POST', '/tenants', 'admin', { id: 'x', name: 'X' }],
  ['PATCH', '/tenants/acme', 'admin', { name: 'X' }],
  ['POST', '/api-keys', 'admin', { role: 'reader', tenantId: 'acme' }],
];

const gets: [string, 'platform' | 'admin'][] = [
  ['/accounts', 'platform'],
  ['/accounts/:id', 'platform'],
  ['/accounts/:id/token', 'platform'],
  ['/accounts/:id/access-key', 'platform'],
  ['/accounts/:id/history', 'platform'],
  ['/accounts/:id/explain', 'platform'],
  ['/lifecycle', 'platform'],
  ['/tenants', 'admin'],
  ['/api-keys', 'admin'],
];

const ask = (method: string, path: string, role: 'platform' | 'admin', body?: unknown, headers = {}) =>
  api.call(method, path.replace(':id', id), {
    key: api.keys[role],
    body,
    headers: { 'if-match': '"1"', ...headers },
  });

describe.each(bodies)('%s %s', (method, path, role, good) => {
  it('refuses what is no JSON, no object, or too large', async () => {
    expect((await ask(method, path, role, '{"a":')).body).toMatchObject({ status: 400, code: 'invalid-json' });
    for (const body of ['null', '[]', '"text"', '7', '[{}]'])
      expect((await ask(method, path, role, body)).body).toMatchObject({ status: 400, code: 'invalid-input' });
    const huge = { ...good, filler: 'x'.repeat(100_000) };
    expect((await ask(method, path, role, huge)).body).toMatchObject({ status: 413, code: 'too-large' });
  });

  it('refuses another content type, and a charset that is none', async () => {
    const text = JSON.stringify(good);
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=klingon'])
      expect((await ask(method, path, role, text, { 'content-type': type })).body).toMatchObject({ status: 415 });
  });

  it('reads UTF-8 only, however it is written', async () => {
    for (const charset of [
      'latin1',
      'iso-8859-1',
      'utf-16',
      'UTF-16LE',
      'utf-32',
      '"us-ascii"',
      'utf-8; charset=latin1',
      '',
    ]) {
      const headers = { 'content-type': `application/json; charset=${charset}` };
      const { body, status } = await ask(method, path, role, { surprise: 1 }, headers);
      expect([charset, status, body.field]).toEqual([charset, 415, 'Content-Type']);
      expect(body.detail).toContain('charset=utf-8');
    }
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"', '"UTF-8"; x=y']) {
      const headers = { 'content-type': `application/json; charset=${charset}` };
      expect((await ask(method, path, role, { ...good, surprise: 1 }, headers)).body).toMatchObject({
        field: 'surprise',
      });
    }
  });

  it('refuses a compression it does not know by name', async () => {
    for (const encoding of ['zstd', 'compress', 'gzip, gzip', 'utf-8']) {
      const { body, status } = await ask(method, path, role, { surprise: 1 }, { 'content-encoding': encoding });
      expect([encoding, status, body.field]).toEqual([encoding, 415, 'Content-Encoding']);
    }
    const named = await ask(method, path, role, {}, { 'content-encoding': 'zstd' });
    expect(named.body.detail).toContain('zstd');
    expect(named.body.detail).toContain('gzip or deflate or br');
  });

  it('refuses an unknown field by name, `__proto__` too', async () => {
    expect((await ask(method, path, role, { ...good, surprise: 1 })).body).toMatchObject({
      status: 400,
      field: 'surprise',
    });
    const text = JSON.stringify(good).replace(
      /^\{/,
      `{"__proto__":{"admin":true}${Object.keys(good).length > 0 ? ',' : ''}`,
    );
    expect((await ask(method, path, role, text)).status).toBe(400);
  });

  it('refuses every field of a wrong type by name', async () => {
    for (const field of Object.keys(good))
      for (const wrong of [7, true, [], { a: 1 }]) {
        const { status, body } = await ask(method, path, role, { ...good, [field]: wrong });
        expect([status, body.field?.split('.')[0]]).toEqual([400, field]);
      }
  });

  it('refuses unknown and repeated query parameters by name', async () => {
    expect((await ask(method, `${path}?surprise=1`, role, good)).body).toMatchObject({
      status: 400,
      field: 'surprise',
    });
    expect((await ask(method, `${path}?a=1&a=2`, role, good)).body).toMatchObject({ status: 400, field: 'a' });
  });
});

describe.each(gets)('GET %s', (path, role) => {
  it('refuses unknown and repeated query parameters by name', async () => {
    for (const [query, field] of [
      ['surprise=1', 'surprise'],
      ['limit=1&limit=2', 'limit'],
      ['__proto__=1', '__proto__'],
      ['state[$ne]=x', 'state[$ne]'],
    ])
      expect((await ask('GET', `${path}?${query}`, role)).body).toMatchObject({
        status: 400,
        code: 'invalid-input',
        field,
      });
  });
});

describe('parameters', () => {
  it.each([
    ['/accounts', 'limit', ['0', '201', '-1', '1.5', 'x', '', '1e2']],
    ['/accounts', 'state', ['nowhere', '', 'CREATED']],
    ['/accounts', 'scheme', ['none']],
    ['/accounts', 'reason', ['because']],
    ['/accounts', 'cursor', ['x', 'acc_', '{"$gt":""}']],
    ['/accounts', 'text', ['', 'x'.repeat(101)]],
    ['/accounts/:id/history', 'after', ['-1', 'x', '1.5', '']],
    ['/accounts/:id/token', 'minTtl', ['-1', '1801', 'x', '1e3', '']],
  ])('%s refuses a bad %s', async (path, field, values) => {
    for (const value of values) {
      const answer = await ask('GET', `${path}?${field}=${encodeURIComponent(value)}`, 'platform');
      expect([value, answer.status, answer.body.field]).toEqual([value, 400, field]);
    }
  });

  it('refuses a dryRun that is neither 0 nor 1', async () => {
    const answer = await ask('POST', '/accounts/:id/events?dryRun=yes', 'platform', { type: 'REFRESH' });
    expect([answer.status, answer.body.field]).toEqual([400, 'dryRun']);
  });
});

describe('a route that takes no body', () => {
  it.each([
    ['PUT', '/accounts/:id/used-by/store/s1', 'platform'],
    ['DELETE', '/accounts/:id/used-by/store/s1', 'platform'],
    ['DELETE', '/api-keys/key_000000000000000000000000', 'admin'],
  ] as const)('%s %s refuses a field by name, and takes an empty object for none', async (method, path, role) => {
    const answer = await ask(method, path, role, { surprise: 1 });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid-input', field: 'surprise' });
    expect((await ask(method, path, role, '{"a":')).body).toMatchObject({ status: 400, code: 'invalid-json' });
    expect((await ask(method, path, role, {})).status).toBe((await ask(method, path, role)).status);
  });
});

describe('a new account', () => {
  const refused = async (changes: object, field: string) =>
    expect((await ask('POST', '/accounts', 'platform', newAccount(changes))).body).toMatchObject({
      status: 400,
      code: 'invalid-input',
      field,
    });
  const address = (changes: object) => ({ address: { ...newAccount().address, ...changes } });

  it.each([[''], ['   '], ['a\u0000b'], ['a\nb'], ['\u202Eevil'], ['a\u200Fb'], ['x'.repeat(101)], ['\uD800']])(
    'needs a name people can read: %j is none',
    (name) => refused({ name }, 'name'),
  );

  it('may have a name of a hundred characters of any script', async () => {
    for (const name of ['😀'.repeat(100), 'Ünïcödé 倉庫', `O'Brien & Söhne "<b>"`])
      expect((await ask('POST', '/accounts', 'platform', newAccount({ name }))).status).toBe(201);
  });

  it.each(['a1b2c3', 'A1B2C', 'A1B2C3D', 'A1-2C3', 'A1B2C３', ''])('has no account number %j', (accountNumber) =>
    refused({ accountNumber }, 'accountNumber'),
  );

  it('has an address UPS can work with', async () => {
    await refused(address({ countryCode: 'XX' }), 'address.countryCode');
    await refused(address({ countryCode: 'us' }), 'address.countryCode');
    await refused(address({ city: ' ' }), 'address.city');
    await refused(address({ addressLine: '' }), 'address.addressLine');
    await refused(address({ planet: 'Earth' }), 'address.planet');
    for (const countryCode of ['US', 'CA', 'PR']) {
      await refused(address({ countryCode, stateProvinceCode: null }), 'address.stateProvinceCode');
      await refused(address({ countryCode, postalCode: undefined }), 'address.postalCode');
    }
    const abroad = newAccount(address({ countryCode: 'IE', stateProvinceCode: undefined, postalCode: undefined }));
    expect((await ask('POST', '/accounts', 'platform', abroad)).body).toMatchObject({
      address: { stateProvinceCode: null, postalCode: null },
    });
  });

  const made = async (changes: object): Promise<AccountJson> => {
    const answer = await api.call<AccountJson>('POST', '/accounts', { body: newAccount(changes) });
    expect(answer.status).toBe(201);
    return answer.body;
  };

  it.each([
    ['\u200b', 'U+200B'],
    ['\u00ad', 'U+00AD'],
    ['\u3164', 'U+3164'],
    ['\u2800', 'U+2800'],
    ['\u{e0041}', 'U+E0041'],
    ['\ufe0f', 'U+FE0F'],
    ['\ufff9', 'U+FFF9'],
    ['\ue000', 'U+E000'],
  ])('has no invisible character in any of its texts, such as %j', async (mark, shown) => {
    const body = newAccount({ name: `UPS ${mark}East` });
    expect((await ask('POST', '/accounts', 'platform', body)).body.detail).toContain(shown);
    for (const text of [`a${mark}b`, `ab${mark}`, `${mark}ab`]) {
      await refused({ name: text }, 'name');
      await refused({ externalId: text }, 'externalId');
      await refused(address({ addressLine: text }), 'address.addressLine');
      await refused(address({ city: text }), 'address.city');
      await refused(address({ postalCode: `21093${mark}` }), 'address.postalCode');
      const search = await ask('GET', `/accounts?text=${encodeURIComponent(text)}`, 'platform');
      expect(search.body).toMatchObject({ status: 400, field: 'text' });
      const note = { type: 'DISCONNECT', note: text };
      const events = '/accounts/:id/events?tenantId=acme';
      expect((await ask('POST', events, 'admin', note)).body).toMatchObject({ status: 400, field: 'note' });
      const use = await ask('PUT', `/accounts/:id/used-by/store/${encodeURIComponent(text)}`, 'platform');
      expect(use.body).toMatchObject({ status: 400, field: 'ref' });
    }
  });

  it('has one name however its spaces are written, and is made once', async () => {
    const name = `UPS East ${Date.now()}`;
    const first = await made({ name });
    for (const space of ['\u00a0', '\u202f', '\u2007', '\u3000', '  ', ' \u00a0']) {
      const body = newAccount({ name: `${space}${name.replaceAll(' ', space)}${space}` });
      const again = await api.call<AccountJson>('POST', '/accounts', { body });
      expect([space, again.status, again.body.id, again.body.name]).toEqual([space, 200, first.id, name]);
      const found = await api.call<{ items: AccountJson[] }>('GET', `/accounts?text=${encodeURIComponent(body.name)}`);
      expect(found.body.items.map((one) => one.id)).toEqual([first.id]);
    }
  });

  it('keeps one form of an address, and is made once however the address is written', async () => {
    const ottawa = { stateProvinceCode: 'ON', postalCode: 'K1A 0B1', countryCode: 'CA' };
    const name = `Ottawa ${Date.now()}`;
    const first = await made({ name, ...address(ottawa) });
    for (const same of [{ postalCode: 'k1a0b1' }, { postalCode: ' K1A  0B1' }, { stateProvinceCode: 'on ' }]) {
      const body = newAccount({ name, ...address({ ...ottawa, ...same }) });
      const again = await api.call<AccountJson>('POST', '/accounts', { body });
      expect([again.status, again.body.id, again.body.address]).toEqual([200, first.id, first.address]);
    }
    expect(first.address).toMatchObject(ottawa);
  });

  it.each([
    [{ postalCode: '2109' }, 'postalCode', '02109'],
    [{ postalCode: '210931234' }, 'postalCode', '21093-1234'],
    [{ postalCode: '21093.0' }, 'postalCode', '21093'],
    [{ postalCode: '00000' }, 'postalCode', 'does not'],
    [{ postalCode: 'ABCDE' }, 'postalCode', '5 digits'],
    [{ stateProvinceCode: 'ZZ' }, 'stateProvinceCode', 'code of two letters'],
    [{ stateProvinceCode: 'ON' }, 'stateProvinceCode', 'CA'],
    [{ stateProvinceCode: 'Maryland' }, 'stateProvinceCode', 'use MD'],
    [{ stateProvinceCode: 'PR', postalCode: '00901' }, 'stateProvinceCode', 'PR as the country'],
    [{ countryCode: 'PR', stateProvinceCode: 'PR' }, 'postalCode', '006, 007 or 009'],
    [{ countryCode: 'CA', stateProvinceCode: 'ON', postalCode: 'Z1A 0B1' }, 'postalCode', 'A1A 1A1'],
    [{ countryCode: 'CA', stateProvinceCode: 'ON' }, 'postalCode', 'ZIP code'],
  ])('has no address with %j, and is told the way out', async (changes, field, hint) => {
    const { body } = await ask('POST', '/accounts', 'platform', newAccount(address(changes)));
    expect(body).toMatchObject({ status: 400, code: 'invalid-input', field: `address.${field}` });
    expect(body.detail).toContain(hint);
    const patched = await ask('PATCH', '/accounts/:id', 'platform', address(changes));
    expect(patched.body).toMatchObject({ status: 400, field: `address.${field}`, detail: body.detail });
  });

  it('has an owner, and an external id of 200 characters at most', async () => {
    await refused({ owner: 'me' }, 'owner');
    await refused({ owner: undefined }, 'owner');
    await refused({ externalId: 'x'.repeat(201) }, 'externalId');
    await refused({ externalId: '' }, 'externalId');
    await refused({ refreshPolicy: 'never' }, 'refreshPolicy');
  });

  it('is changed by at least one field', async () => {
    expect((await ask('PATCH', '/accounts/:id', 'platform', {})).body).toMatchObject({ status: 400 });
  });
});

describe('an event', () => {
  const post = (body: object) => ask('POST', '/accounts/:id/events', 'platform', body);

  it.each([
    'xstate.done.actor.refresh',
    'xstate.error.actor.exchange',
    'xstate.after.consentTtl.account.consent.awaiting',
    'xstate.init',
    'CODE_RECEIVED',
    'CONSENT_REFUSED',
    'CONSENT_ENDED',
    'EDIT',
    'USE',
    'LATE_ANSWER',
    'CREATE',
    'authorize',
    'toString',
    '__proto__',
    '',
    '*',
  ])('of type %j is refused before it reaches a machine', async (type) => {
    expect((await post({ type, output: { kind: 'tokens' } })).body).toMatchObject({
      status: 422,
      code: 'unknown-event',
      field: 'type',
    });
  });

  it('needs its fields, and none of another', async () => {
    expect((await post({})).body).toMatchObject({ status: 400, field: 'type' });
    expect((await post({ type: 'POSTPONE' })).body).toMatchObject({ status: 400, field: 'until' });
    expect((await post({ type: 'POSTPONE', until: 'soon' })).body).toMatchObject({ status: 400, field: 'until' });
    expect((await post({ type: 'REFRESH', note: 'x' })).body).toMatchObject({ status: 400, field: 'note' });
    expect((await post({ type: 'AUTHORIZE', linkHash: 'x' })).body).toMatchObject({ status: 400, field: 'linkHash' });
    expect((await post({ type: 'REFRESH', id: '' })).body).toMatchObject({ status: 400, field: 'id' });
    expect((await post({ type: 'REFRESH', id: 'x'.repeat(201) })).body).toMatchObject({ status: 400, field: 'id' });
  });

  it.each([
    'https://evil.example/',
    'http://localhost:9999.evil.example/',
    'http://localhost:9998/',
    'https://localhost:9999/',
    'http://user:secret@localhost:9999/',
    '//localhost:9999/',
    'javascript:alert(1)',
    'data:text/html,x',
    '/back',
    '',
  ])('leads no merchant to %j', async (returnTo) => {
    const before = await api.read(id);
    for (const [path, body] of [
      ['/accounts/:id/events', { type: 'AUTHORIZE', returnTo }],
      ['/accounts/:id/authorization', { returnTo }],
    ] as const)
      expect((await ask('POST', path, 'platform', body)).body).toMatchObject({ status: 400, field: 'returnTo' });
    expect(await api.read(id)).toEqual(before);
  });
});

describe('a compressed body', () => {
  const post = (text: string, encoding: string) =>
    api.send('POST', '/v1/accounts', {
      headers: {
        authorization: `Bearer ${api.keys.platform}`,
        'content-type': 'application/json',
        'content-encoding': encoding,
      },
      body: encoding === 'gzip' ? gzipSync(text) : text,
    });

  it('is read when it is gzip', async () => {
    expect((await post(JSON.stringify(newAccount()), 'gzip')).status).toBe(201);
  });

  it('is measured by what it holds, not by what was sent', async () => {
    const bomb = JSON.stringify({ name: 'x'.repeat(5_000_000) });
    expect((await post(bomb, 'gzip')).body).toMatchObject({ status: 413, code: 'too-large' });
  });

  it('is refused when it is not what it says', async () => {
    expect((await post('{}', 'deflate')).body).toMatchObject({ status: 400 });
  });
});

describe('an answer', () => {
  it('is kept by no cache, whatever it says', async () => {
    const asked: [string, string, 'platform' | 'admin'][] = [
      ...gets.map(([path, role]): [string, string, 'platform' | 'admin'] => ['GET', path, role]),
      ['GET', '/accounts/acc_none', 'platform'],
      ['GET', '/nowhere', 'platform'],
      ['PUT', '/accounts', 'platform'],
      ['POST', '/accounts', 'platform'],
      ['GET', '/accounts?surprise=1', 'platform'],
    ];
    for (const [method, path, role] of asked) {
      const { headers } = await ask(method, path, role);
      expect([method, path, headers.get('cache-control')]).toEqual([method, path, 'no-store']);
    }
    const created = await ask('POST', '/accounts', 'platform', newAccount());
    expect([created.status, created.headers.get('cache-control')]).toEqual([201, 'no-store']);
    const unknown = await api.call('GET', '/accounts', { key: 'upl_p_none' });
    expect([unknown.status, unknown.headers.get('cache-control')]).toEqual([401, 'no-store']);
  });
});

describe('a use', () => {
  it.each([
    ['shop', 's', 'kind'],
    ['store', 'x'.repeat(201), 'ref'],
    ['store', 'a%00b', 'ref'],
    ['warehouse', '%E2%80%AE', 'ref'],
  ])('of %s %s is refused by name', async (kind, ref, field) => {
    for (const method of ['PUT', 'DELETE'])
      expect((await ask(method, `/accounts/:id/used-by/${kind}/${ref}`, 'platform')).body).toMatchObject({
        status: 400,
        field,
      });
  });

  it('with an address that cannot be decoded is a bad request', async () => {
    expect((await ask('PUT', '/accounts/:id/used-by/store/%E0%A4%A', 'platform')).status).toBe(400);
  });
});

describe('a tenant', () => {
  it('has an id, a name and origins that are origins', async () => {
    const post = (changes: object) => ask('POST', '/tenants', 'admin', { id: 'new', name: 'New', ...changes });
    for (const origin of [
      'https://a.example/',
      'http://a.example',
      'a.example',
      'javascript:x',
      'https://a.example/path',
    ])
      expect((await post({ returnOrigins: [origin] })).body).toMatchObject({ status: 400, field: 'returnOrigins.0' });
    for (const name of ['', 'A', 'x y', '-x', 'x'.repeat(64)])
      expect((await post({ id: name })).body).toMatchObject({ status: 400, field: 'id' });
    expect((await post({ accessKeyDeadline: 'soon' })).body).toMatchObject({ status: 400, field: 'accessKeyDeadline' });
  });
});
