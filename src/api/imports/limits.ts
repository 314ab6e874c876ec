/** How much one import may be. */

import { MINUTE_MS } from '../../durations';

export interface ImportLimits {
  bytes: number;
  /** Lines that hold something, without the header. */
  rows: number;
  ms: number;
}

const MB = 1024 * 1024;

/** For what comes by HTTP. The command line has none: it reads as fast as it imports, in a process of its own. */
export const IMPORT_LIMITS: ImportLimits = { bytes: 16 * MB, rows: 100_000, ms: 30 * MINUTE_MS };

const WAY_OUT = 'Split the file, or import it with `upslink access-keys import`, which has no such limit.';

const sentences: Record<keyof ImportLimits, (limit: number) => string> = {
  bytes: (limit) => `The file is larger than ${limit / MB} MB. ${WAY_OUT}`,
  rows: (limit) => `The file has more than ${limit} lines below its header. ${WAY_OUT}`,
  ms: (limit) =>
    `The import took longer than ${limit / MINUTE_MS} minutes. Import the same file again to continue where it stopped, or split it.`,
};

/** One of the limits was met. */
export class OverLimit extends Error {
  constructor(
    readonly limit: keyof ImportLimits,
    amount: number,
  ) {
    super(sentences[limit](amount));
  }
}
