/** Access keys of the XML era: read by the platform for as long as they serve, and who is still on one. */

import type { AccountDocument } from '../../db/accounts';
import { homeOf } from '../imports/home';
import { CutShort, importKeys, type ImportReport } from '../imports/importKeys';
import { IMPORT_LIMITS, OverLimit, type ImportLimits } from '../imports/limits';
import { UnreadableFile } from '../imports/lines';
import { inImportPlace } from '../imports/places';
import type { Upload } from '../imports/upload';
import { fingerprintsOf } from '../../db/fingerprints';
import * as queries from '../../db/queries';
import { ACCESS_KEY_BOX } from '../../machines/data';
import { daysLeft } from '../../machines/timing';
import { standingOf } from '../../machines/definition';
import { contextOf, instant, instantOrNull, sentenceOf } from '../present';
import { Refusal } from '../problems';
import { actorOf, type Caller, type TenantCaller } from '../roles';
import type { AccessKeyJson, AccessKeyItemJson, AccessKeyPageJson } from '../schemas/answers';
import type { AccessKeyListInput } from '../schemas/inputs';
import type { Services } from '../services';
import { action } from './action';

const PAGE = 50;
const CSV_PAGE = 200;

/** Every reading is on record, before the key is handed out. */
export const readAccessKey = action(
  'access-key',
  async ({ runtime, vault }, caller: TenantCaller, { id }: { id: string }): Promise<AccessKeyJson> => {
    const { tenantId } = caller;
    const verdict = await runtime.dispatch(id, { type: 'ACCESS_KEY_READ' }, { tenantId, actor: actorOf(caller) });
    const sealed = verdict.document.data.accessKey?.sealed;
    if (verdict.verdict !== 'applied' || typeof sealed !== 'string')
      throw new Refusal('no-access-key', 'The account holds no access key that may be used.');
    const opened = vault.open(sealed, { tenantId, accountId: id, field: 'accessKey', ...ACCESS_KEY_BOX });
    return JSON.parse(opened) as AccessKeyJson;
  },
);

const asked = (limit: OverLimit['limit']) => (limit === 'ms' ? 'too-slow' : 'too-large');

/** What is told of a file that was not imported to its end. */
function told(error: unknown): unknown {
  if (error instanceof UnreadableFile)
    return new Refusal('invalid-input', error.message, error.column === null ? {} : { field: error.column });
  if (!(error instanceof CutShort)) return error;
  const { reason, report } = error;
  if (!(reason instanceof OverLimit)) return reason;
  return new Refusal(asked(reason.limit), reason.message, { more: { report } });
}

export interface ImportInput {
  upload: Upload;
  limits?: ImportLimits;
}

export const importAccessKeys = action(
  'import',
  async (services, caller: TenantCaller, { upload, limits = IMPORT_LIMITS }: ImportInput): Promise<ImportReport> => {
    const { db, config, runtime, vault } = services;
    const { tenantId } = caller;
    const home = () => homeOf(db, tenantId, config.accessKeyDeadlineAt);
    const time = new AbortController();
    const timer = setTimeout(() => time.abort(new OverLimit('ms', limits.ms)), limits.ms);
    const signal = AbortSignal.any([upload.wanted, time.signal]);
    const options = { encoding: upload.encoding, rows: limits.rows, signal };
    try {
      return await inImportPlace(services, tenantId, async () => {
        const parts = { runtime, vault: await fingerprintsOf(db, vault), home, actor: actorOf(caller) };
        return importKeys(parts, upload.open(signal), options);
      });
    } catch (error) {
      throw told(error);
    } finally {
      clearTimeout(timer);
    }
  },
);

/** Of the last try to migrate, if it came to nothing. */
function failureOf(document: AccountDocument): AccessKeyItemJson['lastFailure'] {
  const { lastAuthorization } = contextOf(document);
  if (lastAuthorization === null || lastAuthorization.reason === null) return null;
  const { reason, at } = lastAuthorization;
  return { reason, message: sentenceOf(reason, document).message, at: instant(at) };
}

function present(document: AccountDocument, at: number): AccessKeyItemJson {
  const { id, tenantId, data, snapshot } = document;
  const deadlineAt = data.accessKey?.deadlineAt ?? 0;
  return {
    id,
    name: data.settings.name,
    accountNumber: data.settings.accountNumber,
    tenantId,
    state: standingOf(snapshot.value).state,
    deadline: instant(deadlineAt),
    daysLeft: daysLeft(at, deadlineAt),
    remindAt: instantOrNull(contextOf(document).accessKey?.remindAt ?? null),
    lastFailure: failureOf(document),
  };
}

const filtersOf = ({ postponed, failed, ...rest }: AccessKeyListInput) => ({
  ...rest,
  ...(postponed !== undefined && { postponed: postponed === 'true' }),
  ...(failed !== undefined && { failed: failed === 'true' }),
});

/** Who still uses an old key. The first page also says how many there are. */
export const listAccessKeys = action(
  'read',
  async ({ db, clock }, { tenantId }: Caller, input: AccessKeyListInput): Promise<AccessKeyPageJson> => {
    const { limit = PAGE, cursor, ...filters } = filtersOf(input);
    const [{ items, nextCursor }, counts] = await Promise.all([
      queries.listAccessKeys(db, { tenantId, ...filters, limit, cursor }),
      cursor === undefined ? queries.countAccessKeys(db, { tenantId, ...filters }) : null,
    ]);
    const page = { items: items.map((document) => present(document, clock.now())), nextCursor };
    if (counts === null) return page;
    const { connected = 0, disconnected = 0, migrating = 0 } = counts;
    return { ...page, counts: { total: connected + disconnected + migrating, connected, disconnected, migrating } };
  },
);

/** All of them, a page at a time: whoever reads slowly makes us read slowly. */
export const eachAccessKey = action(
  'read',
  async ({ db, clock }: Services, { tenantId }: Caller, input: AccessKeyListInput) =>
    (async function* (): AsyncGenerator<AccessKeyItemJson> {
      const { limit: _, cursor: from, ...filters } = filtersOf(input);
      let cursor: string | null | undefined = from;
      while (cursor !== null) {
        const page = await queries.listAccessKeys(db, { tenantId, ...filters, limit: CSV_PAGE, cursor });
        for (const document of page.items) yield present(document, clock.now());
        cursor = page.nextCursor;
      }
    })(),
);
