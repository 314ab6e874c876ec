/** Whatever is opened is released in reverse order, once: by SIGTERM and by tests alike. */

import { within } from './within';

/** Longer than any work in hand: an answer of UPS takes 20 s at most, and its way to the store a few more. */
const LONGEST_MS = 30_000;
const RELEASED = Symbol('released');

export interface Releases {
  add(what: string, release: () => Promise<void> | void): void;
  /** Last in, first out. A release that fails or takes too long is reported and does not keep the others. */
  all(): Promise<void>;
}

export function makeReleases(
  report: (what: string, error: unknown) => void,
  { longestMs = LONGEST_MS }: { longestMs?: number } = {},
): Releases {
  const stack: { what: string; release: () => Promise<void> | void }[] = [];
  let releasing: Promise<void> | null = null;

  async function releaseAll(): Promise<void> {
    for (let top = stack.pop(); top; top = stack.pop()) {
      try {
        const releasing = Promise.resolve(top.release()).then(() => RELEASED);
        if ((await within(longestMs, releasing)) === null) report(top.what, new TooSlow(longestMs));
      } catch (error) {
        report(top.what, error);
      }
    }
  }

  return {
    add: (what, release) => void stack.push({ what, release }),
    all: () => (releasing ??= releaseAll()),
  };
}

class TooSlow extends Error {
  constructor(longestMs: number) {
    super(`not released within ${longestMs} ms`);
    this.name = 'TooSlow';
  }
}
