/** The style and the script of the pages: read once, named by what is in them, so that browsers may keep them for good. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Router } from 'express';

const types = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' } as const;

function readAsset(name: string, type: keyof typeof types) {
  const content = readFileSync(path.join(__dirname, 'assets', `${name}.${type}`));
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  return { content, type: types[type], url: `/assets/${name}-${hash}.${type}` };
}

export const style = readAsset('upslink', 'css');
export const script = readAsset('upslink', 'js');
export const mark = readAsset('mark', 'svg');

export function assetsRouter(): Router {
  const router = Router();
  for (const { url, type, content } of [style, script, mark]) {
    router.get(url, (_req, res) => {
      res.set({ 'Cache-Control': 'public, max-age=31536000, immutable', 'X-Content-Type-Options': 'nosniff' });
      res.type(type).send(content);
    });
  }
  return router;
}
