import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { aptInstall } from '../../src/dev/apt';
import { devContext, type TestContext } from '../support/dev-context';

/** Like Debian's: gives up at once when another one runs. */
const APT_GET = `#!/bin/sh
mkdir "$LOCK" || exit 100
sleep 0.1
rmdir "$LOCK"
case "$*" in *missing*) exit 1 ;; esac
`;

let context: TestContext;
beforeEach(() => {
  context = devContext();
  writeFileSync(path.join(context.folder, 'apt-get'), APT_GET, { mode: 0o755 });
});
afterEach(() => context.dispose());

const asking = () => ({
  ...context,
  env: { PATH: `${context.folder}:/usr/bin:/bin`, LOCK: path.join(context.folder, 'lock') },
});

describe('aptInstall', () => {
  it('lets one follow the other when two ask at the same time', async () => {
    await expect(
      Promise.all([aptInstall(asking(), ['chromium']), aptInstall(asking(), ['redis-server'])]),
    ).resolves.toEqual([true, true]);
  });

  it('goes on after one that failed', async () => {
    await expect(
      Promise.all([aptInstall(asking(), ['missing']), aptInstall(asking(), ['redis-server'])]),
    ).resolves.toEqual([false, true]);
  });
});
