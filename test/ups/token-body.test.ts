import { readTokens } from '../../src/ups/token-body';
import type { UpsSaid } from '../../src/ups';

const ups: UpsSaid = { endpoint: 'refresh', httpStatus: 200, code: null, message: null, fault: null, unread: null };
const body = {
  access_token: 'at-1',
  refresh_token: 'rt-1',
  token_type: 'Bearer',
  scope: 'all',
  expires_in: '3599',
  refresh_token_expires_in: '5183999',
  issued_at: '1',
  refresh_token_issued_at: '1',
  refresh_count: '4',
  status: 'approved',
  refresh_token_status: 'approved',
  client_id: 'c',
};
const sentAt = 1_795_000_000_000;

test('expiries are counted from when the request left, whatever UPS says of its own clock', () => {
  expect(readTokens(body, sentAt, ups)).toEqual({
    kind: 'tokens',
    accessToken: 'at-1',
    refreshToken: 'rt-1',
    refreshTokenKept: false,
    tokenType: 'Bearer',
    scope: 'all',
    refreshCount: 4,
    sentAt,
    accessExpiresAt: sentAt + 3_599_000,
    refreshExpiresAt: sentAt + 5_183_999_000,
    lifetimesRead: true,
    ups,
  });
});

test('numbers are taken as well as strings', () => {
  const read = readTokens({ ...body, expires_in: 60, refresh_token_expires_in: 600, refresh_count: 0 }, sentAt, ups);
  expect(read).toMatchObject({ accessExpiresAt: sentAt + 60_000, refreshExpiresAt: sentAt + 600_000, refreshCount: 0 });
});

test.each(['soon', '', '-1', '1e3', '12.5', '99999999999', null, undefined, NaN, {}])(
  'a pair whose lifetime is %p is kept, and is due soon',
  (expires_in) => {
    const read = readTokens({ ...body, expires_in }, sentAt, ups);
    expect(read).toMatchObject({ accessToken: 'at-1', accessExpiresAt: sentAt + 300_000, lifetimesRead: false });
    expect(read?.refreshExpiresAt).toBe(sentAt + 5_183_999_000);
  },
);

test.each([
  ['no access token', { ...body, access_token: undefined }],
  ['an empty refresh token', { ...body, refresh_token: '' }],
  ['a token that would break a header', { ...body, access_token: 'a\r\nb' }],
  ['a token that is no string', { ...body, refresh_token: 7 }],
  ['a list', [body]],
  ['null', null],
  ['no JSON at all', undefined],
])('%s is no pair', (_name, broken) => {
  expect(readTokens(broken, sentAt, ups)).toBeNull();
});
