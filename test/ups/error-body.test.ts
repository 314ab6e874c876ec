import { readErrors } from '../../src/ups/error-body';

const error = { code: '10400', message: 'Invalid Refresh Token' };

test.each<[string, unknown]>([
  ["UPS's own", { response: { errors: [error] } }],
  ['one object instead of a list', { response: { errors: error } }],
  ['a list without the wrapper', { errors: [error] }],
  ['one object without the wrapper', { errors: error }],
  ['one error', { error }],
  ['one error in the wrapper', { response: { error } }],
  ['each in an object of its own', { response: { errors: [{ error }] } }],
  ['a number, and spaces around', { response: { errors: [{ code: 10400, message: ' Invalid Refresh Token ' }] } }],
  ['a code with spaces around', { response: { errors: { ...error, code: ' 10400\n' } } }],
  ['beside what cannot be read', { response: { errors: ['?', null, {}, error] } }],
])('%s is read', (_name, body) => {
  expect(readErrors(body)).toEqual([error]);
});

test("UPS's wrapper may hold codes of any kind, or a text alone", () => {
  expect(readErrors({ response: { errors: [{ code: 'X-1' }, { message: 'No' }] } })).toEqual([
    { code: 'X-1', message: null },
    { code: null, message: 'No' },
  ]);
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'Bad Request'],
  ['an empty list', { response: { errors: [] } }],
  ['errors that say nothing', { response: { errors: [{}, { code: '', message: null }] } }],
  ['a word for an error', { error: 'Bad Request', status: 400, path: '/security/v1/oauth/token' }],
  ['the HTTP status for a code', { error: { code: 400, message: 'Bad Request', status: 'INVALID_ARGUMENT' } }],
  ['a word for a code', { errors: [{ code: 'BAD_REQUEST', message: 'Bad Request' }] }],
  ['a message alone', { message: 'Forbidden' }],
])("%s is not UPS's", (_name, body) => {
  expect(readErrors(body)).toEqual([]);
});
