import type { Request } from 'express';
import { readAccessKey } from '../actions/accessKeys';
import { createAccount, editAccount, getAccount, listAccounts, setUse } from '../actions/accounts';
import { explain, readHistory } from '../actions/history';
import { readToken } from '../actions/token';
import { validate } from '../input';
import { whileWanted } from '../requests';
import { Refusal } from '../problems';
import { route, type Route } from '../route';
import {
  accessKeySchema,
  accountSchema,
  explanationSchema,
  pageOf,
  rowSchema,
  tokenAnswerSchema,
} from '../schemas/answers';
import {
  accountListSchema,
  createAccountSchema,
  editAccountSchema,
  historySchema,
  noneSchema,
  tokenSchema,
  useSchema,
} from '../schemas/inputs';

const account = (description: string) => ({ description, schema: accountSchema });
const idOf = (params: Readonly<Record<string, string>>): string => params['id'] ?? '';

/** Null for a tag that is none of ours: it stands for other settings, and is no fault of form. A weak one never matches. */
function readIfMatch(req: Request): number | null {
  const given = req.get('if-match');
  if (given === undefined)
    throw new Refusal('if-match-required', 'Send If-Match with the settingsSeq you have seen, such as If-Match: "3".', {
      field: 'If-Match',
    });
  // Tags are equal letter by letter: "01" is not "1".
  const [, seq] = /^"([1-9]\d{0,14})"$/.exec(given) ?? [];
  if (seq !== undefined) return Number(seq);
  if (/^(W\/)?"[^"]*"$/.test(given)) return null;
  throw new Refusal('invalid-input', 'If-Match must be one settingsSeq in quotes, such as If-Match: "3".', {
    field: 'If-Match',
  });
}

function assertNameStays(body: unknown): void {
  if (body === null || typeof body !== 'object' || !Object.hasOwn(body, 'name')) return;
  throw new Refusal('name-is-immutable', 'The name of an account never changes.', { field: 'name' });
}

const readUse = (params: Readonly<Record<string, string>>) =>
  validate(useSchema, { kind: params['kind'], ref: params['ref'] }, 'path');

const useRoute = (method: 'put' | 'delete', isUsed: boolean, summary: string): Route =>
  route({
    method,
    path: '/accounts/:id/used-by/:kind/:ref',
    summary,
    needs: setUse.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    answers: { 200: account('The account, also when nothing changed.') },
    ...(isUsed && { problems: ['too-many-uses', 'inactive'] as const }),
    handle: async ({ services, caller, params, req }) => ({
      status: 200,
      body: await setUse(services, caller, {
        ...{ id: idOf(params), use: readUse(params), isUsed },
        signal: whileWanted(req),
      }),
    }),
  });

export const accountRoutes: Route[] = [
  route({
    method: 'post',
    path: '/accounts',
    summary: 'Create an account',
    needs: createAccount.needs,
    scope: 'one',
    query: noneSchema,
    body: createAccountSchema,
    answers: {
      201: account('Created.'),
      200: account('An equal request had created it: the account as it is now.'),
    },
    problems: ['name-taken'],
    handle: async ({ services, caller, body }) => {
      const { created, account } = await createAccount(services, caller, body);
      return { status: created ? 201 : 200, body: account };
    },
  }),
  route({
    method: 'get',
    path: '/accounts',
    summary: 'List accounts, in order of id',
    needs: listAccounts.needs,
    scope: 'any',
    query: accountListSchema,
    body: null,
    answers: { 200: { description: 'A page.', schema: pageOf(accountSchema) } },
    handle: async ({ services, caller, query }) => ({ status: 200, body: await listAccounts(services, caller, query) }),
  }),
  route({
    method: 'get',
    path: '/accounts/:id',
    summary: 'Look at an account',
    needs: getAccount.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    answers: { 200: account('The account.') },
    handle: async ({ services, caller, params }) => ({
      status: 200,
      body: await getAccount(services, caller, { id: idOf(params) }),
    }),
  }),
  route({
    method: 'patch',
    path: '/accounts/:id',
    summary: 'Change settings; a new number or address of a connected account is verified',
    needs: editAccount.needs,
    scope: 'one',
    query: noneSchema,
    body: editAccountSchema,
    headers: { 'If-Match': { description: 'The settingsSeq you have seen, in quotes.', required: true } },
    answers: { 200: account('The account after the change.') },
    problems: ['if-match-required', 'stale', 'name-is-immutable'],
    before: assertNameStays,
    handle: async ({ services, caller, params, body, req }) => ({
      status: 200,
      body: await editAccount(services, caller, { id: idOf(params), ifMatch: readIfMatch(req), changes: body }),
    }),
  }),
  useRoute('put', true, 'Note a store or warehouse as using the account'),
  useRoute('delete', false, 'A store or warehouse uses the account no longer'),
  route({
    method: 'get',
    path: '/accounts/:id/token',
    summary: 'A valid access token, now',
    needs: readToken.needs,
    scope: 'one',
    query: tokenSchema,
    body: null,
    answers: { 200: { description: 'It lives now.', schema: tokenAnswerSchema } },
    problems: [
      'not-authorized-yet',
      'authorization-pending',
      'inactive',
      'uses-access-key',
      'no-live-token',
      'vault-key-missing',
    ],
    handle: async ({ services, caller, params, query }) => ({
      status: 200,
      body: await readToken(services, caller, { id: idOf(params), ...query }),
    }),
  }),
  route({
    method: 'get',
    path: '/accounts/:id/access-key',
    summary: 'The access key of the XML era; every reading is on record',
    needs: readAccessKey.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'It serves until the account is migrated.', schema: accessKeySchema } },
    problems: ['no-access-key', 'too-busy', 'vault-key-missing'],
    handle: async ({ services, caller, params }) => ({
      status: 200,
      body: await readAccessKey(services, caller, { id: idOf(params) }),
    }),
  }),
  route({
    method: 'get',
    path: '/accounts/:id/history',
    summary: 'What happened to an account, 100 rows a page',
    needs: readHistory.needs,
    scope: 'one',
    query: historySchema,
    body: null,
    answers: { 200: { description: '`nextCursor` is the `after` of the next page.', schema: pageOf(rowSchema) } },
    handle: async ({ services, caller, params, query }) => ({
      status: 200,
      body: await readHistory(services, caller, { id: idOf(params), ...query }),
    }),
  }),
  route({
    method: 'get',
    path: '/accounts/:id/explain',
    summary: 'Why an account is where it is, and whose move it is',
    needs: explain.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    answers: { 200: { description: 'The explanation.', schema: explanationSchema } },
    handle: async ({ services, caller, params }) => ({
      status: 200,
      body: await explain(services, caller, { id: idOf(params) }),
    }),
  }),
];
