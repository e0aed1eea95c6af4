import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { createBarDisplay } from '../../src/report/bars.js';
import type { Progress } from '../../src/report/progress.js';

const half: Progress = {
  scanned: 200, done: 90, skipped: 5, failed: 5, bytes: 1, wantedBytes: 2 ** 20, movedBytes: 2 ** 19, scanning: true,
  bytesPerSecond: 2048, filesPerSecond: 12, etaMs: undefined, elapsedMs: 1000,
};

/** A terminal of 80 columns that keeps everything it was told. */
function terminal(): { stream: NodeJS.WriteStream; text: () => string } {
  let text = '';
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  return { stream: Object.assign(stream, { isTTY: true, columns: 80, rows: 24 }) as unknown as NodeJS.WriteStream, text: () => text };
}

describe('createBarDisplay', () => {
  it('shows files, bytes, rate and failures, and that totals may still grow', () => {
    const { stream, text } = terminal();
    const display = createBarDisplay(stream, 'push');
    display.update(half);
    display.stop();
    const shown = text();
    for (const part of ['push files', 'push bytes', '██████████░░░░░░░░░░', '100 / 200+', '5 failed', '512 KiB / 1 MiB+', '2 KiB/s']) {
      assert.ok(shown.includes(part), `${part} is not in ${JSON.stringify(shown)}`);
    }
  });

  it('leaves the cursor and the wrapping of the terminal as they were', () => {
    const { stream, text } = terminal();
    const display = createBarDisplay(stream, 'push');
    display.update(half);
    assert.ok(!text().includes('\u001b[?25l') && !text().includes('\u001b[?7l'));
    display.stop();
  });

  it('forgets no line that was written just before the end', () => {
    const { stream, text } = terminal();
    const display = createBarDisplay(stream, 'push');
    display.line('warning: a thing');
    display.stop();
    assert.ok(text().includes('warning: a thing\n'));
  });

  it('cuts its lines to the width of the terminal', () => {
    const { stream, text } = terminal();
    const display = createBarDisplay(stream, 'push');
    display.update({ ...half, scanned: 1e12, done: 9e11, wantedBytes: 9e15, movedBytes: 8e15, failed: 1e11 });
    display.stop();
    const lines = text().split(/\r?\n/).map((line) => line.replace(/\u001b\[[0-9?]*[A-Za-z]/g, ''));
    assert.ok(Math.max(...lines.map((line) => line.length)) <= 80);
  });
});
