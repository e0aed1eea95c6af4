/** Works on `limit` items at once and answers in the order of the items. After a failure nothing further is begun. */
export async function* inOrder<T, R>(items: AsyncIterable<T>, limit: number, work: (item: T) => Promise<R>): AsyncGenerator<R, void, void> {
  const underWay: Promise<R>[] = [];
  for await (const item of items) {
    const task = work(item);
    // A failure is reported when its turn comes.
    task.catch(() => undefined);
    underWay.push(task);
    const first = underWay.length >= limit ? underWay.shift() : undefined;
    if (first !== undefined) {
      yield await first;
    }
  }
  for (const task of underWay) {
    yield await task;
  }
}
