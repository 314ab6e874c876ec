/** Whatever is opened is released in reverse order, once: by SIGTERM and by tests alike. */

export interface Releases {
  add(what: string, release: () => Promise<void> | void): void;
  /** Last in, first out. A release that fails is reported and does not keep the others. */
  all(): Promise<void>;
}

export function makeReleases(report: (what: string, error: unknown) => void): Releases {
  const stack: { what: string; release: () => Promise<void> | void }[] = [];
  let releasing: Promise<void> | null = null;

  async function releaseAll(): Promise<void> {
    for (let top = stack.pop(); top; top = stack.pop()) {
      try {
        await top.release();
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
