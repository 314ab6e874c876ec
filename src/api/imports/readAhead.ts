/** Bytes that have come and were not read yet, in blocks: however small the chunks they came in, they take their own size. */

const BLOCK = 64 * 1024;

export function makeReadAhead() {
  const blocks: Buffer[] = [];
  /** Of the last block. */
  let filled = 0;
  /** Of the first block. */
  let read = 0;

  return {
    put(chunk: Uint8Array): void {
      for (let rest = chunk; rest.length > 0;) {
        if (blocks.length === 0 || filled === BLOCK) {
          blocks.push(Buffer.allocUnsafe(BLOCK));
          filled = 0;
        }
        const here = rest.subarray(0, BLOCK - filled);
        blocks.at(-1)?.set(here, filled);
        filled += here.length;
        rest = rest.subarray(here.length);
      }
    },
    /** What there is of the first block; null when there is nothing. */
    take(): Uint8Array | null {
      const [first] = blocks;
      const end = blocks.length > 1 ? BLOCK : filled;
      if (first === undefined || read === end) return null;
      const taken = first.subarray(read, end);
      read = end;
      if (end === BLOCK) {
        blocks.shift();
        read = 0;
      }
      return taken;
    },
  };
}
