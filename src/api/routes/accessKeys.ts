import { eachAccessKey, importAccessKeys, listAccessKeys } from '../actions/accessKeys';
import { CSV, csvOf } from '../csv';
import { uploadOf } from '../imports/upload';
import { route, type Route } from '../route';
import { accessKeyPageSchema, importReportSchema, type AccessKeyItemJson } from '../schemas/answers';
import { accessKeyListSchema, noneSchema } from '../schemas/inputs';

/** The failure's reason stands for the failure. */
async function* flat(items: AsyncIterable<AccessKeyItemJson>) {
  for await (const { lastFailure, ...item } of items) yield { ...item, lastFailure: lastFailure?.reason ?? '' };
}

const columns = [
  ...(['id', 'name', 'accountNumber', 'tenantId', 'state'] as const),
  ...(['deadline', 'daysLeft', 'remindAt', 'lastFailure'] as const),
];

export const keysAsCsv = (items: AsyncIterable<AccessKeyItemJson>) => csvOf(flat(items), columns);

export const accessKeyRoutes: Route[] = [
  route({
    method: 'post',
    path: '/access-keys/import',
    summary: 'Import access keys of the XML era from CSV; safe to repeat',
    needs: importAccessKeys.needs,
    scope: 'one',
    query: noneSchema,
    body: null,
    consumes: CSV,
    answers: { 200: { description: 'Good lines are in; bad ones are listed.', schema: importReportSchema } },
    problems: ['too-many-imports'],
    handle: async ({ services, caller, req }) => ({
      status: 200,
      body: await importAccessKeys(services, caller, { upload: uploadOf(req) }),
    }),
  }),
  route({
    method: 'get',
    path: '/access-keys',
    summary: 'Accounts still on an old access key; all of them as CSV for those who accept text/csv',
    needs: listAccessKeys.needs,
    scope: 'any',
    query: accessKeyListSchema,
    body: null,
    answers: { 200: { description: 'A page, or everything as CSV.', schema: accessKeyPageSchema, type: CSV } },
    handle: async ({ services, caller, query, req }) => {
      if (req.accepts(['json', CSV]) !== CSV)
        return { status: 200, body: await listAccessKeys(services, caller, query) };
      return { status: 200, type: CSV, stream: keysAsCsv(await eachAccessKey(services, caller, query)) };
    },
  }),
];
