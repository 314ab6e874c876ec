/** What is written down of the code: path and text, for scripts/generate.mjs. */

import { MACHINE_VERSION } from '../machines/account';
import { machineShape, pins } from '../machines/pins';
import { problemsMarkdown } from './docs-page';
import { makeLifecycle } from './lifecycle/model';
import { drawLifecycle } from './lifecycle/svg';
import { makeOpenApi } from './openapi';

/** Of a new version only: a pin that followed the machine would hold nothing. */
const newPin = (): Record<string, string> =>
  MACHINE_VERSION in pins
    ? {}
    : { [`src/machines/pins/v${MACHINE_VERSION}.json`]: `${JSON.stringify(machineShape, null, 2)}\n` };

export const generated = (): Record<string, string> => ({
  'docs/openapi.json': `${JSON.stringify(makeOpenApi(), null, 2)}\n`,
  'docs/problems.md': problemsMarkdown(),
  'docs/lifecycle.svg': drawLifecycle(makeLifecycle()),
  ...newPin(),
});
