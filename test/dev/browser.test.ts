import { findBrowser } from '../../src/dev/browser';
import { devContext, type TestContext } from '../support/dev-context';

let context: TestContext;
afterEach(() => context.dispose());

describe('findBrowser', () => {
  it('takes CHROMIUM_PATH first, and refuses one that is no program', async () => {
    context = devContext({ CHROMIUM_PATH: process.execPath });
    context.addProgram('chromium', '#!/bin/sh\n');
    expect(await findBrowser(context)).toBe(process.execPath);
    const wrong = { ...context, env: { ...context.env, CHROMIUM_PATH: context.folder } };
    await expect(findBrowser(wrong)).rejects.toThrow('CHROMIUM_PATH is set, but');
  });

  it('takes what the PATH has', async () => {
    context = devContext();
    const chrome = context.addProgram('google-chrome', '#!/bin/sh\n');
    expect(await findBrowser(context)).toBe(chrome);
    const chromium = context.addProgram('chromium', '#!/bin/sh\n');
    expect(await findBrowser(context)).toBe(chromium);
  });

  it('says what to install or set when there is none', async () => {
    context = devContext();
    await expect(findBrowser(context)).rejects.toThrow('apt-get install chromium) or set CHROMIUM_PATH');
  });
});
