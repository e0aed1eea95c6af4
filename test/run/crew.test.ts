import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { setEnvironmentData } from 'node:worker_threads';
import { FILES_FOR_ONE_THREAD, HELD_UP_MS, LIGHT_FILES_FOR_ALL_THREADS } from '../../src/limits.js';
import { Crew, type CrewOptions, type Load } from '../../src/run/threads/crew.js';

const MEETING = new URL('../support/meeting-worker.js', import.meta.url);
const MORTAL = new URL('../support/mortal-worker.js', import.meta.url);
const LONELY = new URL('../support/lonely-worker.js', import.meta.url);

function crewOf(t: TestContext, threads: number, { worker = MEETING, threadsAtOnce = threads, tasks = 8 }: Partial<CrewOptions> = {}): Crew {
  const crew = new Crew({ worker, threads, threadsAtOnce, tasks, onNotice: () => undefined });
  t.after(async () => await crew.dismiss());
  return crew;
}

const weighing = (weight: number): Load => ({ weight, isLight: false });
const light = (weight: number): Load => ({ weight, isLight: true });

const alone = (): object => ({ channel: randomUUID(), tasks: 1 });

/** The threads that answer as many tasks as are to meet. */
async function meet(crew: Crew, tasks: number, load: Load): Promise<number> {
  const channel = randomUUID();
  return new Set(await Promise.all(Array.from({ length: tasks }, () => crew.run({ channel, tasks }, load)))).size;
}

describe('a crew', () => {
  it('keeps a few files on one thread, however they come', async (t) => {
    const crew = crewOf(t, 4, { tasks: FILES_FOR_ONE_THREAD });
    assert.equal(await meet(crew, 8, weighing(FILES_FOR_ONE_THREAD / 8)), 1);
    assert.equal(await meet(crew, 1, weighing(FILES_FOR_ONE_THREAD)), 1);
    assert.equal(crew.threads.length, 1);
  });

  it('starts all its threads at once when more is under way, and goes on with all of them', async (t) => {
    const crew = crewOf(t, 3);
    const answer = crew.run(alone(), weighing(FILES_FOR_ONE_THREAD + 1));
    assert.equal(crew.threads.length, 3);
    await answer;
    await until(async () => (await meet(crew, 3, weighing(1))) === 3);
    assert.equal(crew.threads.length, 3);
  });

  it('takes fewer for enough where a thread may hold no more', async (t) => {
    const crew = crewOf(t, 2, { tasks: 8 });
    await meet(crew, 1, weighing(8));
    assert.equal(crew.threads.length, 1);
    await meet(crew, 1, weighing(9));
    assert.equal(crew.threads.length, 2);
  });

  it('leaves light work to some of its threads until another one is worth its start', async (t) => {
    const crew = crewOf(t, 3, { threadsAtOnce: 2 });
    await crew.run(alone(), light(FILES_FOR_ONE_THREAD + 1));
    assert.equal(crew.threads.length, 2);
    await crew.run(alone(), light(LIGHT_FILES_FOR_ALL_THREADS));
    assert.equal(crew.threads.length, 3);
  });

  it('starts all its threads for light work that waits for answers', async (t) => {
    const crew = crewOf(t, 2, { threadsAtOnce: 1 });
    const pair = { channel: randomUUID(), tasks: 2 };
    const waiting = crew.run(pair, light(FILES_FOR_ONE_THREAD + 1));
    await crew.run(alone(), light(1));
    assert.equal(crew.threads.length, 1);
    const idle = (): number => crew.threads[0]?.performance.eventLoopUtilization().idle ?? 0;
    const before = idle();
    await until(() => Promise.resolve(idle() > before + 2 * HELD_UP_MS));
    await crew.run(pair, light(1));
    assert.equal(crew.threads.length, 2);
    await waiting;
  });

  it('starts all its threads for heavy work, whatever else there is', async (t) => {
    const crew = crewOf(t, 2, { threadsAtOnce: 1 });
    await crew.run(alone(), light(1));
    await crew.run(alone(), weighing(FILES_FOR_ONE_THREAD + 1));
    assert.equal(crew.threads.length, 2);
  });

  it('does not load the first thread with heavy work that others are started for', async (t) => {
    const crew = crewOf(t, 2);
    assert.equal(await meet(crew, 1, weighing(1)), 1, 'it is there, and alone');
    assert.equal(await meet(crew, 4, weighing(FILES_FOR_ONE_THREAD)), 2);
    assert.equal(await meet(crew, 8, weighing(FILES_FOR_ONE_THREAD)), 2, 'as much at once as they hold, when all are there');
  });

  it('ends without waiting, also where a thread has taken the place of another', async (t) => {
    const crew = crewOf(t, 1, { worker: MORTAL });
    await assert.rejects(crew.run('die', weighing(1)));
    assert.equal(await crew.run('live', weighing(1)), 'live');
    assert.equal(await crew.run('live', weighing(FILES_FOR_ONE_THREAD + 1)), 'live');
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await crew.dismiss();
  });

  it('goes on with the threads that start where others cannot', async (t) => {
    setEnvironmentData('lonely', new SharedArrayBuffer(4));
    const crew = crewOf(t, 3, { worker: LONELY });
    assert.equal(await crew.run(undefined, weighing(1)), 'here');
    await crew.run(undefined, weighing(FILES_FOR_ONE_THREAD + 1));
    await until(() => Promise.resolve(crew.threads.length === 1));
    assert.equal(await crew.run(undefined, weighing(FILES_FOR_ONE_THREAD + 1)), 'here');
    assert.deepEqual([crew.threads.length, crew.broken], [1, undefined]);
  });
});

/** Whatever it waits for comes with messages of threads. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
