/** Keys from a CSV: a file that the page's script sends as it is, or lines pasted into a form. */

import express, { type RequestHandler, type Router } from 'express';
import { Readable } from 'node:stream';
import { importAccessKeys } from '../../api/actions/accessKeys';
import type { ImportReport } from '../../api/imports/importKeys';
import { bytesOf } from '../../api/input';
import { Refusal, refusalOf } from '../../api/problems';
import { assertMay } from '../../api/roles';
import { inPlace, takePlace } from '../../api/ticket';
import { CSV } from '../../api/csv';
import type { Services } from '../../api/services';
import { assertOwnPage } from '../forms';
import { pageOf, sendPage } from '../layout';
import { isOwnForm } from '../session';
import { readOwnForm, tenantVisitOf, type TenantVisit } from '../visitor';
import { importView, reportSection, type Imported } from './importView';

const PATH = '/access-keys/import';
const PASTED_MAX = '2mb';
const parsePasted = express.urlencoded({ extended: false, limit: PASTED_MAX });

/** What is wrong with the file as a whole is shown like a report. */
async function imported(
  services: Services,
  { caller }: TenantVisit,
  bytes: AsyncIterable<Uint8Array>,
): Promise<Imported> {
  try {
    return { report: (await importAccessKeys(services, caller, { bytes })) satisfies ImportReport };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.code !== 'invalid-input') throw error;
    return { error: refusal.message };
  }
}

export function addImportRoutes(router: Router, services: Services): void {
  const show = (visit: TenantVisit, shown: Imported | null) =>
    pageOf('Import old keys', visit.frame, importView(visit, shown));

  router.get(PATH, (_req, res) => {
    const visit = tenantVisitOf(res);
    assertMay(visit.caller, 'import');
    sendPage(res, 200, show(visit, null));
  });

  // The script's way: the file itself, and a part of the page as the answer.
  router.post(PATH, async (req, res, next) => {
    if (!req.is(CSV)) {
      next();
      return;
    }
    const visit = tenantVisitOf(res);
    assertOwnPage(req, services);
    if (!isOwnForm(visit.signedIn, req.get('x-form-token')))
      throw new Refusal('forbidden', 'This form belongs to an earlier sign-in. Open the page again and repeat.');
    const done = await inPlace(res, () => imported(services, visit, bytesOf(req)));
    sendPage(res, 200, reportSection(done).markup);
  });

  const takeFirst: RequestHandler = (_req, res, next) => {
    takePlace(res);
    next();
  };

  router.post(PATH, takeFirst, parsePasted, async (req, res) => {
    const visit = tenantVisitOf(res);
    const { lines = '' } = readOwnForm(req, res, services);
    const done = await inPlace(res, () => imported(services, visit, Readable.from([Buffer.from(lines)])));
    sendPage(res, 'error' in done ? 400 : 200, show(visit, done));
  });
}
