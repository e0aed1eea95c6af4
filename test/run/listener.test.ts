import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunEvent } from '../../src/run/events.js';
import { PROGRESS_MS } from '../../src/limits.js';
import { content, plant } from '../support/trees.js';
import { makeWorld, type World } from '../support/world.js';

const FILES = 20;

async function sealedWorld(t: Parameters<typeof makeWorld>[0]): Promise<World> {
  const world = await makeWorld(t);
  plant(world.source, Object.fromEntries(Array.from({ length: FILES }, (_, index) => [`${index}`, content(100, index)])));
  plant(world.source, { 'large.bin': content(4_300_000) });
  return world;
}

/** A listener that throws at the first event of its kind. */
function broken(kind: RunEvent['event']): { error: Error; calls: RunEvent['event'][]; onEvent: (event: RunEvent) => void } {
  const error = new Error(`no ${kind}, please`);
  const calls: RunEvent['event'][] = [];
  const onEvent = ({ event }: RunEvent): void => {
    calls.push(event);
    if (event === kind) {
      throw error;
    }
  };
  return { error, calls, onEvent };
}

describe('a listener that throws', () => {
  for (const kind of ['start', 'progress', 'file', 'summary'] as const) {
    it(`at ${kind} ends the run with what it threw, is not called again, and loses nothing`, async (t) => {
      const world = await sealedWorld(t);
      // Long enough for progress to be told while requests are under way.
      world.faults = ({ operation, partNumber }) => (operation === 'UploadPart' && partNumber === 1 ? { kind: 'delay', ms: 2 * PROGRESS_MS } : undefined);
      const first = broken(kind);
      await assert.rejects(world.push({ onEvent: first.onEvent }), (error) => error === first.error);
      assert.equal(first.calls.lastIndexOf(kind), first.calls.length - 1);
      assert.equal(first.calls.indexOf(kind), first.calls.length - 1);
      const { result } = await world.push();
      assert.deepEqual([result.exitCode, result.complete, result.failed], [0, true, 0]);
      const reading = broken(kind);
      await assert.rejects(world.pull(world.path('back'), { onEvent: reading.onEvent }), (error) => error === reading.error);
      await assert.rejects(world.verify({ onEvent: reading.onEvent }), (error) => error === reading.error);
      const { result: pulled } = await world.pull(world.path('back'));
      assert.deepEqual([pulled.exitCode, pulled.complete], [0, true]);
    });
  }

  it('ends a plan with what it threw', async (t) => {
    const world = await sealedWorld(t);
    const { error, onEvent } = broken('file');
    await assert.rejects(world.push({ dryRun: true, onEvent }), (thrown) => thrown === error);
    await world.push();
    await assert.rejects(world.pull(world.path('back'), { dryRun: true, onEvent }), (thrown) => thrown === error);
  });
});
