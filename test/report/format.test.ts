import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatBytes, formatCount, formatDuration, plural } from '../../src/report/format.js';

describe('numbers as people read them', () => {
  it('bytes', () => {
    const pairs = [[0, '0 B'], [1, '1 B'], [1023, '1023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [8_388_608, '8 MiB'], [2 ** 36, '64 GiB']] as const;
    assert.deepEqual(pairs.map(([bytes]) => formatBytes(bytes)), pairs.map(([, text]) => text));
  });

  it('counts', () => assert.deepEqual([0, 999, 1204, 1_000_000].map(formatCount), ['0', '999', '1,204', '1,000,000']));

  it('durations', () => {
    const pairs = [
      [-5, '0.0 s'], [0, '0.0 s'], [449, '0.4 s'], [9_940, '9.9 s'], [9_960, '10 s'], [59_400, '59 s'], [59_600, '1 min 00 s'],
      [185_000, '3 min 05 s'], [3_599_400, '59 min 59 s'], [3_600_000, '1 h 00 min'], [7_620_000, '2 h 07 min'],
    ] as const;
    assert.deepEqual(pairs.map(([ms]) => formatDuration(ms)), pairs.map(([, text]) => text));
  });

  it('plurals', () => assert.deepEqual([0, 1, 2000].map((count) => plural(count, 'file')), ['0 files', '1 file', '2,000 files']));
});
