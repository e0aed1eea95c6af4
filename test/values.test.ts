import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { isSealiftError } from '../src/errors.js';
import { parseChoice, parseCount, parseFlag, parseMoment, parseOssUrl, parseSize, parseText } from '../src/values.js';

const ANY = { min: 0, max: Number.MAX_SAFE_INTEGER };

describe('parseSize', () => {
  const accepted: readonly (readonly [unknown, number])[] = [
    ['0', 0], ['1', 1], ['17B', 17], ['1K', 1024], ['1k', 1024], ['1KiB', 1024], ['8MiB', 8_388_608], ['8 MiB', 8_388_608],
    ['8m', 8_388_608], ['1.5G', 1_610_612_736], ['0.5KiB', 512], ['2gib', 2_147_483_648], [4096, 4096], [' 64MiB ', 67_108_864],
  ];
  for (const [text, bytes] of accepted) {
    it(`reads ${JSON.stringify(text)} as ${bytes} bytes`, () => assert.equal(parseSize('--part-size', text, ANY), bytes));
  }

  const refused: readonly unknown[] = [
    '', ' ', '12abc', '-5', '-1MiB', 'NaN', 'Infinity', '1e3', '0x10', '1.5', '0.3KiB', '1MB', '1KB', '1TiB', '1,5M', '1 2', 'MiB',
    Number.NaN, Number.POSITIVE_INFINITY, -1, 1.5, true, null, undefined, {}, '99999999999G', '1'.repeat(400),
  ];
  for (const value of refused) {
    it(`refuses ${inspect(value)}`, () => {
      assert.throws(() => parseSize('--part-size', value, ANY), (error) => isUsage(error, '--part-size'));
    });
  }

  it('names the option, the value and what is accepted', () => {
    assert.throws(() => parseSize('--memory', '12abc', { min: 8 * 1024 ** 2, max: 1024 ** 3 }), {
      message: '--memory: "12abc" is not accepted',
      remedy: 'Give a size from 8 MiB to 1 GiB, such as 64MiB, 512K or 8388608.',
    });
  });

  it('holds its range at both ends', () => {
    const range = { min: 100, max: 200 };
    assert.deepEqual([100, 200].map((bytes) => parseSize('--x', String(bytes), range)), [100, 200]);
    for (const bytes of [99, 201]) {
      assert.throws(() => parseSize('--x', String(bytes), range), (error) => isUsage(error, '--x'));
    }
  });

  it('says that an option was given twice instead of picking one', () => {
    assert.throws(() => parseSize('--part-size', ['1', '2'], ANY), { message: '--part-size was given 2 times, and takes one value' });
  });

  it('never yields anything but whole bytes in range, whatever is typed', () => {
    fc.assert(fc.property(fc.string({ maxLength: 12 }), (text) => {
      try {
        const bytes = parseSize('--x', text, ANY);
        return Number.isSafeInteger(bytes) && bytes >= 0;
      } catch (error) {
        return isUsage(error, '--x');
      }
    }));
  });
});

describe('parseMoment', () => {
  const NOW = Date.parse('2026-11-23T12:00:00.500Z');
  const accepted: readonly (readonly [text: string, moment: string])[] = [
    ['0s', '2026-11-23T12:00:00.500Z'], ['30m', '2026-11-23T11:30:00.500Z'], ['12h', '2026-11-23T00:00:00.500Z'], [' 7d ', '2026-11-16T12:00:00.500Z'],
    ['999999d', '0000-01-01T00:00:00.000Z'],
    ['2026-11-23', '2026-11-23T00:00:00.000Z'], ['2024-02-29', '2024-02-29T00:00:00.000Z'], ['1969-12-31', '1969-12-31T00:00:00.000Z'],
    ['2026-11-23T18:30', '2026-11-23T18:30:00.000Z'], ['2026-11-23T18:30:01Z', '2026-11-23T18:30:01.000Z'], ['2026-11-23T18:30:01.25Z', '2026-11-23T18:30:01.250Z'],
    ['2026-11-23T00:30+08:00', '2026-11-22T16:30:00.000Z'], ['2026-11-23T18:30:01-02:30', '2026-11-23T21:00:01.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'], ['3000-01-01', '3000-01-01T00:00:00.000Z'],
  ];
  for (const [text, moment] of accepted) {
    it(`reads ${JSON.stringify(text)} as ${moment}`, () => assert.equal(parseMoment('--modified-since', text, NOW).toISOString(), moment));
  }

  const refused: readonly unknown[] = [
    '', '7', '7w', '-7d', '1.5h', '1000000d', 'yesterday', '2026', '2026-11', '2026-13-01', '2026-02-30', '2025-02-29', '2026-11-23T', '2026-11-23T24:00', '2026-11-23T12:60',
    '2026-11-23T12:00:60', '2026-11-23 12:00', '2026-11-23T12', '2026-11-23T12:00:00,5', '2026-11-23T12:00:00.1234', '2026-11-23T12:00+8', '2026-11-23T12:00+99:99', '2026-11-23Z',
    '0000-01-01T00:00+08:00', '9999-12-31T23:00-08:00', '1763899200', 7, true, null, undefined, ['7d', '8d'],
  ];
  for (const value of refused) {
    it(`refuses ${inspect(value)}`, () => {
      assert.throws(() => parseMoment('--modified-since', value, NOW), (error) => isUsage(error, '--modified-since'));
    });
  }

  it('reads again what it has read, as a manifest keeps it', () => {
    fc.assert(fc.property(fc.nat(999_999), fc.constantFrom('s', 'm', 'h', 'd'), (count, unit) => {
      const moment = parseMoment('--x', `${count}${unit}`, NOW);
      assert.deepEqual(parseMoment('--x', moment.toISOString(), 0), moment);
    }));
  });
});

describe('parseCount', () => {
  const range = { min: 1, max: 256 };

  it('reads whole numbers in range', () => {
    assert.deepEqual(['1', '256', ' 16 ', 4].map((value) => parseCount('--threads', value, range)), [1, 256, 16, 4]);
  });

  for (const value of ['0', '257', 'abc', '', '-1', '+1', '1.0', '1e2', '0x4', Number.NaN, 2.5, true, '9'.repeat(30)]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      assert.throws(() => parseCount('--threads', value, range), (error) => isUsage(error, '--threads') && remedyOf(error).includes('a whole number from 1 to 256'));
    });
  }
});

describe('parseChoice, parseFlag and parseText', () => {
  it('accept what they list', () => {
    assert.equal(parseChoice('--if-exists', 'skip', ['changed', 'skip']), 'skip');
    assert.deepEqual([true, '1', 'TRUE', 'yes', 'on'].map((value) => parseFlag('--json', value)), [true, true, true, true, true]);
    assert.deepEqual([false, '0', 'False', 'no', 'off'].map((value) => parseFlag('--json', value)), [false, false, false, false, false]);
    assert.equal(parseText('--region', 'cn-hangzhou'), 'cn-hangzhou');
  });

  it('refuse anything else', () => {
    assert.throws(() => parseChoice('--if-exists', 'Skip', ['changed', 'skip']), { remedy: 'Give one of changed, skip.' });
    for (const value of ['', 'maybe', '2', null, 1, ['true']]) {
      assert.throws(() => parseFlag('--json', value), (error) => isUsage(error, '--json'));
    }
    for (const value of ['', 5, null, ['a', 'b']]) {
      assert.throws(() => parseText('--region', value), (error) => isUsage(error, '--region'));
    }
  });
});

describe('parseOssUrl', () => {
  const accepted: readonly (readonly [string, string, string])[] = [
    ['oss://bucket', 'bucket', ''],
    ['oss://bucket/', 'bucket', ''],
    ['oss://bucket///', 'bucket', ''],
    ['oss://b-1/a', 'b-1', 'a'],
    ['oss://bucket/a/b/', 'bucket', 'a/b'],
    ['oss://bucket/a//b', 'bucket', 'a//b'],
    ['oss://bucket/ä ö%?#&', 'bucket', 'ä ö%?#&'],
    [`oss://${'a'.repeat(63)}/x`, 'a'.repeat(63), 'x'],
  ];
  for (const [text, bucket, prefix] of accepted) {
    it(`reads ${text}`, () => assert.deepEqual(parseOssUrl('the address', text), { bucket, prefix }));
  }

  const refused: readonly string[] = [
    '', 'bucket/prefix', 'OSS://bucket', 'oss:/bucket', 'oss://', 'oss:///prefix', 'oss://ab', 'oss://Bucket', 'oss://under_score',
    'oss://-a-b', 'oss://a-b-', `oss://${'a'.repeat(64)}`, 'oss://bucket//a', 'oss://bucket/\\a', 'oss://bucket/a\u0000b',
    'oss://bucket/a\nb', 'oss://bucket/\u007f', 'oss://bucket/\ufffd', 'oss://bucket/a/../b', 'oss://bucket/./a', 'oss://bucket/..',
    `oss://bucket/${'ä'.repeat(512)}`, 'https://bucket.oss-cn-hangzhou.aliyuncs.com/a',
  ];
  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseOssUrl('the address', text), (error) => isUsage(error, 'the address')));
  }

  it('does not repeat an address that may carry a secret', () => {
    assert.throws(() => parseOssUrl('the address', 'oss://LTAI-id:hunter2@bucket/a'), (error) => {
      assert.ok(error instanceof Error);
      assert.doesNotMatch(`${error.message} ${remedyOf(error)}`, /hunter2|LTAI/);
      return isUsage(error, 'the address');
    });
  });
});

function isUsage(error: unknown, label: string): boolean {
  assert.ok(isSealiftError(error), String(error));
  assert.equal(error.code, 'usage');
  assert.equal(error.exitCode, 2);
  assert.ok(error.message.startsWith(label), error.message);
  return true;
}

function remedyOf(error: unknown): string {
  return isSealiftError(error) ? (error.remedy ?? '') : '';
}
