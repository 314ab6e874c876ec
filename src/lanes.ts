/**
 * Does the work for each item, at most `lanes` at once, and answers in the items' order. The first failure rejects.
 * `goesOn` is asked before each item is taken. Once it says no, nothing more is begun: the answers are those of the first items.
 */
export async function inLanes<T, R>(
  items: readonly T[],
  lanes: number,
  work: (item: T, n: number) => Promise<R>,
  goesOn: () => boolean | Promise<boolean> = () => true,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  let isOver = false;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      if (!(await goesOn())) isOver = true;
      // Another lane may have ended it meanwhile.
      if (isOver) return;
      const next = left.next();
      if (next.done) return;
      const [n, item] = next.value;
      results[n] = await work(item, n);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  return results;
}
