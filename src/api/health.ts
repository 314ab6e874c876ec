/** What needs no key and says how the process is, and what it offers. */

import { Router } from 'express';
import { sendPage } from '../web/page';
import { docsPage } from './docs-page';
import { makeOpenApi } from './openapi';
import { Refusal } from './problems';
import { wrongMethod } from './requests';
import type { Services } from './services';

const RETRY_SECONDS = 2;

export function healthRouter(services: Services): Router {
  const router = Router({ caseSensitive: true });
  // Written once: anybody may ask for it as often as they like.
  const openApi = JSON.stringify(makeOpenApi());
  const docs = docsPage();

  router.get('/healthz', (_req, res) => {
    res.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });

  router.get('/readyz', async (_req, res) => {
    const missing = await services.isReady();
    if (missing !== null) throw new Refusal('not-ready', missing, { retryAfterSeconds: RETRY_SECONDS });
    // Still ready: valid tokens are served, and a balancer that took every process away would make an outage of it.
    const why = services.epochNotice?.() ?? null;
    const held = why === null ? {} : { refreshing: 'held', why };
    res.set('Cache-Control', 'no-store').json({ status: 'ready', ...held, ...refusedByRedis(services) });
  });

  router.get('/openapi.json', (_req, res) => {
    res.type('json').send(openApi);
  });

  router.get('/docs', (_req, res) => {
    sendPage(res, 200, docs);
  });

  router.all(['/healthz', '/readyz', '/openapi.json', '/docs'], wrongMethod(['GET', 'HEAD']));
  return router;
}

/** Still ready: Redis holds no truth, and what is due is found without it. */
function refusedByRedis({ redisRefusal }: Services): object {
  const refusal = redisRefusal?.() ?? null;
  if (refusal === null) return {};
  const { code, command, sentence } = refusal;
  return { redis: { status: 'refused', code, command, detail: sentence } };
}
