import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import files from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { checkSecondPlace } from '../../../src/cli/doctor/secondPlace';

const root = mkdtempSync(path.join(os.tmpdir(), 'upslink-second-place-'));
const goOn = expect.stringContaining('Set SPOOL_DIR to a folder') as string;
afterEach(() => jest.restoreAllMocks());
afterAll(() => rmSync(root, { recursive: true, force: true }));

const refused = () => Promise.reject(Object.assign(new Error('refused'), { code: 'EACCES' }));

it('is well with a folder that can be written, and leaves nothing in it', async () => {
  const folder = path.join(root, 'there');
  mkdirSync(folder);
  expect(await checkSecondPlace(folder)).toMatchObject({ name: 'second place', status: 'ok' });
  expect(readdirSync(folder)).toEqual([]);
});

it('is well with one that can be made, and does not make it', async () => {
  const seen = await checkSecondPlace(path.join(root, 'data', 'spool'));
  expect(seen).toMatchObject({ status: 'ok', detail: expect.stringContaining('does not exist yet') as string });
  expect(existsSync(path.join(root, 'data'))).toBe(false);
});

it('warns of a file where a folder should be, or above it', async () => {
  const file = path.join(root, 'a-file');
  writeFileSync(file, '');
  for (const folder of [file, path.join(file, 'spool'), path.join(file, 'deep', 'spool')]) {
    const detail = `SPOOL_DIR, ${folder}, cannot be used: ${file} is not a folder`;
    expect(await checkSecondPlace(folder)).toEqual({ name: 'second place', status: 'warn', detail, next: goOn });
  }
});

it('warns of a folder that may not be written, or made', async () => {
  const folder = path.join(root, 'kept-from-us');
  mkdirSync(folder);
  jest.spyOn(files, 'open').mockImplementation(refused);
  jest.spyOn(files, 'access').mockImplementation(refused);
  for (const one of [folder, path.join(folder, 'spool')]) {
    const detail = `SPOOL_DIR, ${one}, cannot be written: EACCES`;
    expect(await checkSecondPlace(one)).toMatchObject({ status: 'warn', detail, next: goOn });
  }
});
