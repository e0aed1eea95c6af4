import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { getSystemErrorMap } from 'node:util';
import { describe, it } from 'node:test';
import { SealiftError } from '../../src/errors.js';
import { describeErrno, errnoOf, readFailure, withDescriptors, writeFailure } from '../../src/files/errno.js';
import { DESCRIPTOR_WAIT_MS, DESCRIPTOR_WAITS } from '../../src/limits.js';
import { withCode } from './expect.js';

/** An error as the file system throws it. */
function failure(code: string): Error {
  const [errno] = [...getSystemErrorMap()].find(([, [name]]) => name === code) ?? [];
  return Object.assign(new Error(`${code}: it failed`), { code, errno, syscall: 'open' });
}

describe('errnoOf', () => {
  it('knows what a system call threw, and nothing else', () => {
    assert.throws(() => readFileSync('/none'), (error) => errnoOf(error) === 'ENOENT');
    for (const other of [new TypeError('bug'), Object.assign(new Error('x'), { code: 'ERR_INVALID_ARG_TYPE' }), new SealiftError('usage', 'x'), 'text', null, undefined]) {
      assert.equal(errnoOf(other), undefined);
    }
  });

  it('is explained in words, with its name', () => {
    assert.equal(describeErrno(failure('EACCES')), 'permission denied (EACCES)');
    assert.equal(describeErrno(Object.assign(failure('EACCES'), { errno: 1 })), 'unknown system error (EACCES)');
  });
});

describe('what failed', () => {
  const reading = [['ENOENT', 'vanished'], ['ENOTDIR', 'vanished'], ['EACCES', 'unreadable'], ['EIO', 'unreadable'], ['EMFILE', 'unreadable'], ['ELOOP', 'unreadable']] as const;
  for (const [errno, code] of reading) {
    it(`is ${code} when reading ends with ${errno}`, () => {
      const error = withCode(readFailure(failure(errno), 'a/b'), code);
      assert.match(error.message, /a\/b/);
      assert.equal(error.retryable, errno === 'EMFILE');
    });
  }

  const writing = [
    ['ENOSPC', 'disk-full'], ['EDQUOT', 'disk-full'], ['EEXIST', 'exists'], ['EISDIR', 'exists'], ['ENAMETOOLONG', 'name-invalid'], ['EILSEQ', 'name-invalid'],
    ['EACCES', 'write-failed'], ['EROFS', 'write-failed'], ['EIO', 'write-failed'], ['EMFILE', 'write-failed'], ['ENOENT', 'write-failed'],
  ] as const;
  for (const [errno, code] of writing) {
    it(`is ${code} when writing ends with ${errno}, with a remedy`, () => {
      const error = withCode(writeFailure(failure(errno), 'a/b'), code);
      assert.match(error.message, /a\/b/);
      assert.notEqual(error.remedy ?? '', '');
      assert.equal(error.retryable, errno === 'EMFILE');
    });
  }

  it('does not ask for --overwrite where a directory is in the way', () => {
    assert.equal(withCode(writeFailure(failure('EISDIR'), 'a/b'), 'exists').remedy, 'move the directory away');
  });

  it('is passed on when no system call threw it', () => {
    const bug = new TypeError('bug');
    assert.equal(readFailure(bug, 'x'), bug);
    assert.equal(writeFailure(bug, 'x'), bug);
  });
});

describe('withDescriptors', () => {
  async function run(failures: number, error: unknown): Promise<{ readonly waits: number[]; readonly outcome: unknown }> {
    const waits: number[] = [];
    let calls = 0;
    const action = (): string => {
      calls += 1;
      if (calls <= failures) {
        throw error;
      }
      return 'done';
    };
    const wait = (ms: number): Promise<void> => {
      waits.push(ms);
      return Promise.resolve();
    };
    const outcome: unknown = await withDescriptors(action, wait).catch((thrown: unknown) => thrown);
    return { waits, outcome };
  }

  it('waits as long as descriptors are wanting, whoever reports it', async () => {
    for (const error of [failure('EMFILE'), failure('ENFILE'), readFailure(failure('EMFILE'), 'x'), writeFailure(failure('EMFILE'), 'x')]) {
      assert.deepEqual(await run(3, error), { waits: [DESCRIPTOR_WAIT_MS, DESCRIPTOR_WAIT_MS, DESCRIPTOR_WAIT_MS], outcome: 'done' });
    }
  });

  it('gives up in the end', async () => {
    const error = failure('EMFILE');
    const { waits, outcome } = await run(Infinity, error);
    assert.equal(waits.length, DESCRIPTOR_WAITS);
    assert.equal(outcome, error);
  });

  it('waits for nothing else', async () => {
    const error = failure('EACCES');
    assert.deepEqual(await run(1, error), { waits: [], outcome: error });
  });
});
