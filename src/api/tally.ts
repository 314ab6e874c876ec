/** Counts what is held at the same time: altogether, and by each holder. */

export interface Tally {
  all(): number;
  of(holder: string): number;
  /** Returns the function that gives it back; calling that again does nothing. */
  add(holder: string): () => void;
}

export function makeTally(): Tally {
  const held = new Map<string, number>();
  let all = 0;
  const of = (holder: string): number => held.get(holder) ?? 0;
  return {
    all: () => all,
    of,
    add(holder) {
      let isHeld = true;
      all += 1;
      held.set(holder, of(holder) + 1);
      return () => {
        if (!isHeld) return;
        isHeld = false;
        all -= 1;
        if (of(holder) > 1) held.set(holder, of(holder) - 1);
        else held.delete(holder);
      };
    },
  };
}

/** What one holder may have of something that all share. */
export const quarterOf = (all: number): number => Math.max(1, Math.floor(all / 4));
