/** How far a long command is: one line that is rewritten on a terminal, a line every few seconds elsewhere. */

import type { Output } from './output';

/** What is done so far, in the units of the command, and the share of the whole: null where nobody knows. */
export interface Reached {
  done: number;
  share: number | null;
}

export interface Progress {
  reached(sofar: Reached): void;
  /** Clears the line. */
  end(): void;
}

export interface Place {
  isTerminal: boolean;
  /** Monotonic milliseconds. */
  now: () => number;
}

const BAR = 24;
const TERMINAL_MS = 100;
const FIRST_ELSEWHERE_MS = 2_000;
const ELSEWHERE_MS = 5_000;

const here = (): Place => ({ isTerminal: process.stderr.isTTY, now: () => performance.now() });

/** `units`: what is counted, such as `lines`. */
export function makeProgress(out: Output, units: string, { isTerminal, now }: Place = here()): Progress {
  const began = now();
  let nextAt = began + (isTerminal ? TERMINAL_MS : FIRST_ELSEWHERE_MS);

  function sentence({ done, share }: Reached): string {
    const seconds = (now() - began) / 1000;
    const rate = Math.round(done / Math.max(seconds, 0.001));
    const counted = `${done} ${units}, ${rate} a second`;
    if (share === null) return counted;
    const left = Math.ceil((seconds / Math.max(share, 0.001)) * (1 - share));
    const filled = Math.round(BAR * share);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
    return `${bar} ${Math.round(100 * share)} %, ${counted}, about ${left} s left`;
  }

  return {
    reached(sofar) {
      if (now() < nextAt) return;
      nextAt = now() + (isTerminal ? TERMINAL_MS : ELSEWHERE_MS);
      if (isTerminal) out.remarkInPlace(sentence(sofar));
      else out.remark(sentence(sofar));
    },
    end: () => (isTerminal ? out.remarkInPlace('') : undefined),
  };
}
