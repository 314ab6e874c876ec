/**
 * What the spool volume knows of the epoch: one file, `epoch`, whole or as it was (disk.ts). It is written after the
 * database was, so it never knows more than was true. No `.json` in its name: those are answers of UPS.
 */

import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../spool';

const knownSchema = z.object({
  id: z.string().min(1),
  counter: z.int().min(1),
  deployment: z.string(),
  /** When it was written. */
  at: z.number(),
});
export type Known = z.infer<typeof knownSchema>;

export type Held = { kind: 'known'; known: Known } | { kind: 'empty' } | { kind: 'unreadable'; file: string };

export interface Volume {
  /** Never rejects. */
  read(): Promise<Held>;
  /** Rejects with the file system's error. */
  write(known: Known): Promise<void>;
}

const NAME = 'epoch';
/** No folder, or something else in its place: answers cannot lie there either, and that is told of elsewhere. */
const NOTHING_THERE = ['ENOENT', 'ENOTDIR'];

function parse(text: string): Known | null {
  try {
    return knownSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

export function makeVolume(folder: string): Volume {
  const file = path.join(folder, NAME);
  return {
    async read() {
      try {
        const known = parse(await readFile(file, 'utf8'));
        return known ? { kind: 'known', known } : { kind: 'unreadable', file };
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        return NOTHING_THERE.includes(code) ? { kind: 'empty' } : { kind: 'unreadable', file };
      }
    },
    // A draft of its own: `upslink adopt` may write beside the service.
    write: (known) => writeWhole(folder, NAME, `${JSON.stringify(known)}\n`, `${NAME}.${randomUUID()}.new`),
  };
}
