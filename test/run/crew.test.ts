import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it, type TestContext } from 'node:test';
import { setEnvironmentData } from 'node:worker_threads';
import { FILES_FOR_ONE_THREAD } from '../../src/limits.js';
import { Crew, type CrewOptions } from '../../src/run/crew.js';

const MEETING = new URL('../support/meeting-worker.js', import.meta.url);
const MORTAL = new URL('../support/mortal-worker.js', import.meta.url);
const LONELY = new URL('../support/lonely-worker.js', import.meta.url);

function crewOf(t: TestContext, threads: number, { worker = MEETING, tasks = 8 }: Partial<CrewOptions> = {}): Crew {
  const crew = new Crew({ worker, threads, tasks, onNotice: () => undefined });
  t.after(async () => await crew.dismiss());
  return crew;
}

/** The threads that answer as many tasks as are to meet. */
async function meet(crew: Crew, tasks: number, load: number): Promise<number> {
  const channel = randomUUID();
  return new Set(await Promise.all(Array.from({ length: tasks }, () => crew.run({ channel, tasks }, load)))).size;
}

describe('a crew', () => {
  it('keeps a few files on one thread, however they come', async (t) => {
    const crew = crewOf(t, 4, { tasks: FILES_FOR_ONE_THREAD });
    assert.equal(await meet(crew, 8, FILES_FOR_ONE_THREAD / 8), 1);
    assert.equal(await meet(crew, 1, FILES_FOR_ONE_THREAD), 1);
    assert.equal(crew.threads.length, 1);
  });

  it('starts all its threads at once when more is under way, and goes on with all of them', async (t) => {
    const crew = crewOf(t, 3);
    const answer = crew.run({ channel: randomUUID(), tasks: 1 }, FILES_FOR_ONE_THREAD + 1);
    assert.equal(crew.threads.length, 3);
    await answer;
    await until(async () => (await meet(crew, 3, 1)) === 3);
    assert.equal(crew.threads.length, 3);
  });

  it('takes fewer for enough where a thread may hold no more', async (t) => {
    const crew = crewOf(t, 2, { tasks: 8 });
    await meet(crew, 1, 8);
    assert.equal(crew.threads.length, 1);
    await meet(crew, 1, 9);
    assert.equal(crew.threads.length, 2);
  });

  it('does not load the first thread with heavy work that others are started for', async (t) => {
    const crew = crewOf(t, 2);
    assert.equal(await meet(crew, 1, 1), 1, 'it is there, and alone');
    assert.equal(await meet(crew, 4, FILES_FOR_ONE_THREAD), 2);
    assert.equal(await meet(crew, 8, FILES_FOR_ONE_THREAD), 2, 'as much at once as they hold, when all are there');
  });

  it('ends without waiting, also where a thread has taken the place of another', async (t) => {
    const crew = crewOf(t, 1, { worker: MORTAL });
    await assert.rejects(crew.run('die', 1));
    assert.equal(await crew.run('live', 1), 'live');
    assert.equal(await crew.run('live', FILES_FOR_ONE_THREAD + 1), 'live');
    t.mock.timers.enable({ apis: ['setTimeout'] });
    await crew.dismiss();
  });

  it('goes on with the threads that start where others cannot', async (t) => {
    setEnvironmentData('lonely', new SharedArrayBuffer(4));
    const crew = crewOf(t, 3, { worker: LONELY });
    assert.equal(await crew.run(undefined, 1), 'here');
    await crew.run(undefined, FILES_FOR_ONE_THREAD + 1);
    await until(() => Promise.resolve(crew.threads.length === 1));
    assert.equal(await crew.run(undefined, FILES_FOR_ONE_THREAD + 1), 'here');
    assert.deepEqual([crew.threads.length, crew.broken], [1, undefined]);
  });
});

/** Whatever it waits for comes with messages of threads. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
