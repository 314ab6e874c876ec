/** Does the work for each item, at most `lanes` at once, and answers in the items' order. The first failure rejects. */
export async function inLanes<T, R>(
  items: readonly T[],
  lanes: number,
  work: (item: T, n: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const left = items.entries();
  const lane = async (): Promise<void> => {
    for (const [n, item] of left) results[n] = await work(item, n);
  };
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  return results;
}
