/** What came of it in time, or null. The work goes on either way; `report` is told of a failure that comes too late. */
export async function within<T>(
  ms: number,
  work: Promise<T>,
  report: (error: unknown) => void = () => undefined,
): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<null>((resolve) => {
    timer = setTimeout(() => {
      work.catch(report);
      resolve(null);
    }, ms);
  });
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
