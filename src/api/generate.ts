/** What docs holds of the code: path and text, for scripts/generate.mjs. */

import { problemsMarkdown } from './docs-page';
import { makeLifecycle } from './lifecycle/model';
import { drawLifecycle } from './lifecycle/svg';
import { makeOpenApi } from './openapi';

export const generated = (): Record<string, string> => ({
  'docs/openapi.json': `${JSON.stringify(makeOpenApi(), null, 2)}\n`,
  'docs/problems.md': problemsMarkdown(),
  'docs/lifecycle.svg': drawLifecycle(makeLifecycle()),
});
