import { BroadcastChannel, threadId } from 'node:worker_threads';

/** A worker that says which thread it is when as many tasks as are to meet have come, on whatever threads. */
export default async function run({ channel, tasks }: { readonly channel: string; readonly tasks: number }): Promise<number> {
  const names = new Set<string>();
  const own = `${threadId} ${Math.random()}`;
  const room = new BroadcastChannel(channel);
  await new Promise<void>((resolve) => {
    const enter = (name: string): void => {
      const isNew = !names.has(name);
      names.add(name);
      if (isNew && name !== own) {
        room.postMessage(own);
      }
      if (names.size === tasks) {
        resolve();
      }
    };
    room.onmessage = (event) => enter((event as { readonly data: string }).data);
    room.postMessage(own);
    enter(own);
  });
  room.close();
  return threadId;
}
