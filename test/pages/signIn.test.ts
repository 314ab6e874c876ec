import { localPath } from '../../src/pages/signIn';

it('goes on to a path of ours after signing in, and nowhere else', () => {
  expect(localPath('/accounts/acc_1?tenantId=acme')).toBe('/accounts/acc_1?tenantId=acme');
  const elsewhere = [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '\\evil',
    '',
    undefined,
    'javascript:1',
  ];
  expect(elsewhere.map(localPath)).toEqual(elsewhere.map(() => '/'));
  expect(localPath('/\t/evil.example')).toBe('/');
  for (const text of ['/..//evil.example', '/.//evil.example', '/%2e%2e//evil.example', '/a/..//evil.example'])
    expect([text, localPath(text)]).toEqual([text, '/']);
});
