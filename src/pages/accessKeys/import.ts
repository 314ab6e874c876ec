/** Keys from a CSV: a file that the page's script sends as it is, or lines pasted into a form. */

import type { Request, RequestHandler, Response, Router } from 'express';
import { importAccessKeys } from '../../api/actions/accessKeys';
import { CSV } from '../../api/csv';
import type { ImportReport } from '../../api/imports/importKeys';
import { pastedUpload, uploadOf, type Upload } from '../../api/imports/upload';
import { codes, type Code } from '../../api/problem-codes';
import { Refusal, refusalOf, setProblemHeaders } from '../../api/problems';
import { assertMay } from '../../api/roles';
import { inPlace, takePlace } from '../../api/ticket';
import type { Services } from '../../api/services';
import { formParser } from '../forms';
import { assertOwnPage, isOwnForm } from '../../api/session';
import { pageOf } from '../layout';
import { sendPage } from '../../web/page';
import { readOwnForm, tenantVisitOf, type TenantVisit } from '../visitor';
import { importView, reportSection, type Imported } from './importView';

const PATH = '/access-keys/import';
const PASTED_MAX = '2mb';
const parsePasted = formParser(PASTED_MAX);

/** What is wrong with the file as a whole, or with the moment, is shown like a report. */
const SHOWN: readonly Code[] = ['invalid-input', 'too-large', 'too-slow', 'too-many-imports', 'unsupported-media-type'];

interface Ended {
  status: number;
  shown: Imported;
}

async function imported(
  services: Services,
  { caller }: TenantVisit,
  res: Response,
  uploadFrom: () => Upload,
): Promise<Ended> {
  try {
    return { status: 200, shown: { report: await importAccessKeys(services, caller, { upload: uploadFrom() }) } };
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal === null || !SHOWN.includes(refusal.code)) throw error;
    setProblemHeaders(res, refusal);
    const report = refusal.extras.more?.['report'] as ImportReport | undefined;
    return { status: codes[refusal.code].status, shown: { error: refusal.message, ...(report && { report }) } };
  }
}

function assertFormToken({ signedIn }: TenantVisit, req: Request): void {
  if (isOwnForm(signedIn, req.get('x-form-token'))) return;
  throw new Refusal('forbidden', 'This form belongs to an earlier sign-in. Open the page again and repeat.');
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
    assertFormToken(visit, req);
    const { status, shown } = await inPlace(res, () => imported(services, visit, res, () => uploadOf(req)));
    sendPage(res, status, reportSection(shown).markup);
  });

  const takeFirst: RequestHandler = (_req, res, next) => {
    takePlace(res);
    next();
  };

  router.post(PATH, takeFirst, parsePasted, async (req, res) => {
    const visit = tenantVisitOf(res);
    const { lines = '' } = readOwnForm(req, res, services);
    const { status, shown } = await inPlace(res, () => imported(services, visit, res, () => pastedUpload(req, lines)));
    sendPage(res, status, show(visit, shown));
  });
}
