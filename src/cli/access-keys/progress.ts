/** How far a long command is: one line that is rewritten on a terminal, a line every few seconds elsewhere. */

import type { Output } from '../output';

export interface Progress {
  /** So many lines are done. */
  lines(done: number): void;
  /** The same bytes, counted as they pass. */
  watched(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array>;
  /** Clears the line. */
  end(): void;
}

const BAR = 24;
const TERMINAL_MS = 100;
const ELSEWHERE_MS = 5_000;

/** `size`: of the whole input in bytes; null where nobody knows. */
export function makeProgress(out: Output, size: number | null): Progress {
  const began = performance.now();
  const isTerminal = process.stderr.isTTY;
  let passed = 0;
  let shownAt = began;

  function sentence(done: number): string {
    const seconds = (performance.now() - began) / 1000;
    const rate = Math.round(done / Math.max(seconds, 0.001));
    if (size === null || size === 0) return `${done} lines, ${rate} a second`;
    const share = Math.min(1, passed / size);
    const left = Math.ceil((seconds / Math.max(share, 0.001)) * (1 - share));
    const filled = Math.round(BAR * share);
    const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR - filled)}`;
    return `${bar} ${Math.round(100 * share)} %, ${done} lines, ${rate} a second, about ${left} s left`;
  }

  return {
    lines(done) {
      if (performance.now() - shownAt < (isTerminal ? TERMINAL_MS : ELSEWHERE_MS)) return;
      shownAt = performance.now();
      if (isTerminal) out.remarkInPlace(sentence(done));
      else out.remark(sentence(done));
    },
    async *watched(bytes) {
      for await (const chunk of bytes) {
        passed += chunk.length;
        yield chunk;
      }
    },
    end: () => (isTerminal ? out.remarkInPlace('') : undefined),
  };
}
