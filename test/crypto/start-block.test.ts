import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { StartBlock } from '../../src/crypto/start-block.js';
import { EnvelopeError } from '../../src/errors.js';
import { hex, loadObjects, loadSealiftObjects } from '../vectors/load.js';

const anyBlock = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes));
const block = (text: string): StartBlock => StartBlock.fromBytes(hex(text));

describe('StartBlock', () => {
  it('is made of 8 random bytes and 0000000000000002', () => {
    const blocks = Array.from({ length: 100 }, () => StartBlock.generate());
    assert.ok(blocks.every((start) => start.isSealed && start.isCanonical && start.bytes.readBigUInt64BE(8) === 2n));
    assert.equal(new Set(blocks.map((start) => start.toDecimal())).size, 100);
  });

  it('knows the sealed form from every other', () => {
    assert.equal(block('1dfbdcddb04ff5d50000000000000002').isSealed, true);
    for (const foreign of ['1dfbdcddb04ff5d50000000000000001', '1dfbdcddb04ff5d50000000100000002', '1dfbdcddb04ff5d50100000000000002']) {
      assert.equal(block(foreign).isSealed, false);
    }
  });

  it('cannot be changed through the buffers it takes and gives', () => {
    const bytes = Buffer.alloc(16, 1);
    const start = StartBlock.fromBytes(bytes);
    bytes.fill(2);
    start.bytes.fill(3);
    start.nonce.fill(4);
    assert.deepEqual(start.bytes, Buffer.alloc(16, 1));
    assert.deepEqual(start.nonce, Buffer.alloc(12, 1));
  });

  it('refuses any other number of bytes', () => {
    for (const length of [0, 15, 17]) {
      assert.throws(() => StartBlock.fromBytes(Buffer.alloc(length)), RangeError);
    }
  });
});

describe('the decimal form', () => {
  it('equals the vectors', () => {
    for (const { ivHex, startDecimal } of loadSealiftObjects()) {
      assert.equal(block(ivHex).toDecimal(), startDecimal ?? block(ivHex).toDecimal());
    }
    for (const { ivHex, startDecimal = '' } of loadObjects('python-legacy-rsa')) {
      assert.deepEqual(StartBlock.fromDecimal(startDecimal).bytes, hex(ivHex));
    }
  });

  it('comes back from 40 digits', () => {
    fc.assert(fc.property(anyBlock, (bytes) => {
      const decimal = StartBlock.fromBytes(bytes).toDecimal();
      assert.match(decimal, /^[0-9]{40}$/);
      const start = StartBlock.fromDecimal(decimal);
      assert.deepEqual([start.bytes, start.isCanonical], [bytes, true]);
    }));
  });

  it('is read in any length up to 40 digits, but only 40 are canonical', () => {
    for (const text of ['0', '7', '007', '7'.padStart(39, '0')]) {
      assert.equal(StartBlock.fromDecimal(text).isCanonical, false);
    }
    assert.deepEqual(StartBlock.fromDecimal('007').bytes, hex('00000000000000000000000000000007'));
    assert.deepEqual(StartBlock.fromDecimal((2n ** 128n - 1n).toString()).bytes, Buffer.alloc(16, 255));
  });

  it('refuses everything else', () => {
    const texts = ['', ' 7', '7 ', '7\n', '+7', '-7', '0x7', '7.0', '1e3', '٧', '7, 7', '7'.padStart(41, '0'), (2n ** 128n).toString(), '9'.repeat(40)];
    for (const text of texts) {
      assert.throws(() => StartBlock.fromDecimal(text), (error: unknown) => error instanceof EnvelopeError && error.code === 'envelope-invalid', text);
    }
  });
});

describe('counter addition', () => {
  it('carries through all 128 bits and wraps', () => {
    assert.equal(block('001122334455667700000000fffffffe').at(32).toString('hex'), '00112233445566770000000100000000');
    assert.equal(block('0011223344556677ffffffffffffffff').at(16).toString('hex'), '00112233445566780000000000000000');
    assert.equal(block('ffffffffffffffffffffffffffffffff').at(16).toString('hex'), '00000000000000000000000000000000');
    assert.equal(block('ffffffffffffffffffffffffffffffff').at(48).toString('hex'), '00000000000000000000000000000002');
  });

  it('is associative', () => {
    fc.assert(fc.property(anyBlock, fc.nat(2 ** 31), fc.nat(2 ** 31), (bytes, a, b) => {
      const once = StartBlock.fromBytes(bytes).at(16 * (a + b));
      assert.deepEqual(StartBlock.fromBytes(StartBlock.fromBytes(bytes).at(16 * a)).at(16 * b), once);
    }));
  });

  it('refuses offsets that are no multiple of 16', () => {
    for (const offset of [1, 15, 17, -16, 0.5, NaN, Infinity, 2 ** 54]) {
      assert.throws(() => StartBlock.generate().at(offset), RangeError);
    }
  });
});

describe('coversBlockZero', () => {
  it('finds counter 0 at every edge of a range', () => {
    const last = block('ffffffffffffffffffffffffffffffff');
    assert.equal(last.coversBlockZero(0, 0), false);
    assert.equal(last.coversBlockZero(0, 16), false);
    assert.equal(last.coversBlockZero(0, 17), true);
    assert.equal(last.coversBlockZero(15, 1), false);
    assert.equal(last.coversBlockZero(15, 2), true);
    assert.equal(last.coversBlockZero(16, 1), true);
    assert.equal(last.coversBlockZero(31, 1), true);
    assert.equal(last.coversBlockZero(32, 1), false);
    assert.equal(block('00000000000000000000000000000000').coversBlockZero(0, 1), true);
    assert.equal(block('00000000000000000000000000000001').coversBlockZero(0, 2 ** 40), false);
  });

  it('agrees with a search block by block', () => {
    fc.assert(fc.property(fc.bigInt(-20n, 20n), fc.nat(300), fc.nat(300), (counter, offset, length) => {
      const start = StartBlock.fromDecimal(BigInt.asUintN(128, counter).toString());
      const touched = Array.from({ length }, (_, i) => start.at(16 * Math.floor((offset + i) / 16)));
      assert.equal(start.coversBlockZero(offset, length), touched.some((bytes) => bytes.equals(Buffer.alloc(16))));
    }));
  });
});
