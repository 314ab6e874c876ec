/** Whether answers of UPS could lie on the disk of this process while the store is away. A folder that is not there yet is not made. */

import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import { assertWritable } from '../../workers/spool';
import { ok, warn, type Check } from './check';

const NAME = 'second place';
const NEXT =
  'Set SPOOL_DIR to a folder that the process can write to, on a volume that outlives it. Until then answers from UPS are spooled in Redis only.';

/** Something in the place of a folder has no folders below it. */
const NOT_THERE = ['ENOENT', 'ENOTDIR'];

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown';

/** The folder itself, or the first above it that is there. Rejects with the reason, an error of the file system. */
async function nearestThere(folder: string): Promise<{ where: string; isFolder: boolean }> {
  try {
    return { where: folder, isFolder: (await stat(folder)).isDirectory() };
  } catch (error) {
    const above = path.dirname(folder);
    if (!NOT_THERE.includes(codeOf(error)) || above === folder) throw error;
    return nearestThere(above);
  }
}

/** Writes a file to the folder and removes it; of one that is yet to be made, it asks whether it may be. */
export async function checkSecondPlace(spoolDir: string): Promise<Check> {
  try {
    const { where, isFolder } = await nearestThere(spoolDir);
    if (!isFolder) return warn(NAME, `SPOOL_DIR, ${spoolDir}, cannot be used: ${where} is not a folder`, NEXT);
    if (where === spoolDir) {
      await assertWritable(spoolDir);
      return ok(NAME, `${spoolDir} can be written`);
    }
    await access(where, constants.W_OK | constants.X_OK);
    return ok(NAME, `${spoolDir} does not exist yet: the first start creates it`);
  } catch (error) {
    return warn(NAME, `SPOOL_DIR, ${spoolDir}, cannot be written: ${codeOf(error)}`, NEXT);
  }
}
