import { assemble, block, get, I32, i32, I64, i64, LEAVE_IF, loopWhile, set, tee, V128, v128, type Code, type WasmFunction } from './wasm-module.js';

/** CRC-64/XZ, reflected: bit 63 is the coefficient of x^0. */
const POLYNOMIAL = 0xc96c5795d7870f42n;
/** Of the polynomial, in the reflected form. */
export const ONE = 1n << 63n;

const VECTOR_BYTES = 16;
const PAGE_BYTES = 64 * 1024;
/** One entry of eight bytes per value of a byte. */
const TABLE_BYTES = 256 * 8;
/** Slicing by 16: table k has the CRC of a byte that k zero bytes follow. */
const TABLES = 16;
/** Vectors folded per round: not above the shortest distance, so that no vector needs another of its round. */
const UNROLLED = 4;

/**
 * x^904 + Σ x^(904 − d), d running over these distances, is a multiple of the polynomial (crc64.test.ts divides), and so is
 * the same with x^128 for x, since squaring is linear. So a vector of 128 bits may be struck out of a message when it is
 * added to the nine that stand so far behind it: nine XORs of vectors instead of sixteen look-ups in tables.
 */
export const FOLD_DISTANCES: readonly number[] = [173, 323, 372, 482, 554, 666, 787, 793, 904];
const FARTHEST = Math.max(...FOLD_DISTANCES);

/** Bytes before the buffer that {@link CrcKernel.fold} looks back at. */
export const WINDOW_BYTES = FARTHEST * VECTOR_BYTES;
/** {@link CrcKernel.fold} takes multiples of so many bytes. */
export const ROUND_BYTES = UNROLLED * VECTOR_BYTES;
/** Where data is put; before it is the window, before that are the tables. */
export const BUFFER_AT = Math.ceil((TABLES * TABLE_BYTES + WINDOW_BYTES) / PAGE_BYTES) * PAGE_BYTES;
export const BUFFER_BYTES = 2 * PAGE_BYTES;

/** Addresses are bytes of `memory`; ends are excluded; a CRC is raw, neither it nor what it starts from is inverted. */
export interface CrcKernel {
  readonly memory: WebAssembly.Memory;
  /** Fills the tables; comes before {@link table}. */
  init(): void;
  /** By tables, from `crc` on. */
  table(crc: bigint, at: number, end: number): bigint;
  /** Replaces each vector by the sum of itself and those before it that are struck out into it. Whole rounds only. */
  fold(at: number, end: number): void;
  /** Takes those back that stand from `base` on: what is left there has the CRC of all that was folded. */
  unfold(base: number, end: number): void;
  /** The product of two polynomials, reduced. */
  multiply(a: bigint, b: bigint): bigint;
}

let compiled: WebAssembly.Module | undefined;

/** An instance with a memory of its own. Compiled once per thread, which takes a fraction of a millisecond. */
export function createCrcKernel(): CrcKernel {
  compiled ??= new WebAssembly.Module(assemble([init(), table(), fold(), unfold(), multiply()], (BUFFER_AT + BUFFER_BYTES) / PAGE_BYTES));
  return new WebAssembly.Instance(compiled).exports as unknown as CrcKernel;
}

function init(): WasmFunction {
  const [entry, value] = [0, 1];
  const firstTable: Code = loopWhile([get(entry), i32.const(TABLE_BYTES), i32.ltU], [
    get(entry), i32.const(3), i32.shrU, i64.extend, set(value),
    Array.from({ length: 8 }, () => [shiftedRight(value), set(value)]),
    get(entry), get(value), i64.store(0), advance(entry, 8),
  ]);
  const others: Code = loopWhile([get(entry), i32.const(TABLES * TABLE_BYTES), i32.ltU], [
    get(entry), i32.const(TABLE_BYTES), i32.sub, i64.load(0), set(value),
    get(entry), get(value), i64.const(8n), i64.shrU, lookUp(get(value), 0), i64.xor, i64.store(0), advance(entry, 8),
  ]);
  return { name: 'init', parameters: [], results: [], locals: [I32, I64], body: [firstTable, others] };
}

function table(): WasmFunction {
  const [crc, at, end, high] = [0, 1, 2, 3];
  const sixteen: Code = loopWhile([get(at), i32.const(16), i32.add, get(end), i32.leU], [
    get(crc), get(at), i64.load(0), i64.xor, set(crc), get(at), i64.load(8), set(high),
    lookUp(get(crc), 15), [1, 2, 3, 4, 5, 6, 7].map((byte) => [lookUp(byteOf(crc, byte), 15 - byte), i64.xor]),
    [0, 1, 2, 3, 4, 5, 6, 7].map((byte) => [lookUp(byteOf(high, byte), 7 - byte), i64.xor]),
    set(crc), advance(at, 16),
  ]);
  const single: Code = loopWhile([get(at), get(end), i32.ltU], [
    get(crc), get(at), i64.load8(0), i64.xor, set(high),
    get(crc), i64.const(8n), i64.shrU, lookUp(get(high), 0), i64.xor, set(crc), advance(at, 1),
  ]);
  return { name: 'table', parameters: [I64, I32, I32], results: [I64], locals: [I64], body: [sixteen, single, get(crc)] };
}

function fold(): WasmFunction {
  const [at, end, window] = [0, 1, 2];
  const sum = (offset: number): Code => [
    get(window), get(window), v128.load(offset + WINDOW_BYTES),
    FOLD_DISTANCES.map((distance) => [get(window), v128.load(offset + WINDOW_BYTES - distance * VECTOR_BYTES), v128.xor]),
    v128.store(offset + WINDOW_BYTES),
  ];
  const rounds: Code = loopWhile([get(at), get(end), i32.ltU], [
    get(at), i32.const(WINDOW_BYTES), i32.sub, set(window),
    Array.from({ length: UNROLLED }, (_, index) => sum(index * VECTOR_BYTES)), advance(at, ROUND_BYTES),
  ]);
  return { name: 'fold', parameters: [I32, I32], results: [], locals: [I32], body: rounds };
}

function unfold(): WasmFunction {
  const [base, at, sum] = [0, 1, 2];
  const back = (distance: number): Code => [get(at), i32.const(distance * VECTOR_BYTES), i32.sub];
  const step: Code = [
    get(at), i32.const(VECTOR_BYTES), i32.sub, tee(at), v128.load(0), set(sum),
    block(FOLD_DISTANCES.map((distance) => [back(distance), get(base), i32.ltU, LEAVE_IF, get(sum), back(distance), v128.load(0), v128.xor, set(sum)])),
    get(at), get(sum), v128.store(0),
  ];
  return { name: 'unfold', parameters: [I32, I32], results: [], locals: [V128], body: loopWhile([get(base), get(at), i32.ltU], step) };
}

/** Bit by bit, masks instead of branches. */
function multiply(): WasmFunction {
  const [a, b, product] = [0, 1, 2];
  const step: Code = [
    // The sign bit of a, spread over all bits, decides.
    get(product), get(a), i64.const(63n), i64.shrS, get(b), i64.and, i64.xor, set(product),
    shiftedRight(b), set(b), get(a), i64.const(1n), i64.shl, set(a),
  ];
  return { name: 'multiply', parameters: [I64, I64], results: [I64], locals: [I64], body: [loopWhile([get(a), i64.const(0n), i64.ne], step), get(product)] };
}

/** A polynomial times x, reduced. */
function shiftedRight(local: number): Code {
  return [
    get(local), i64.const(1n), i64.shrU,
    i64.const(0n), get(local), i64.const(1n), i64.and, i64.sub, i64.const(POLYNOMIAL), i64.and, i64.xor,
  ];
}

/** The entry of the lowest byte of a number of 64 bits. */
function lookUp(value: Code, index: number): Code {
  return [value, i32.wrap, i32.const(0xff), i32.and, i32.const(3), i32.shl, i64.load(index * TABLE_BYTES)];
}

function byteOf(local: number, byte: number): Code {
  return [get(local), i64.const(BigInt(8 * byte)), i64.shrU];
}

function advance(local: number, bytes: number): Code {
  return [get(local), i32.const(bytes), i32.add, set(local)];
}
