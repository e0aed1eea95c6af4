/**
 * As much of an assembler for WebAssembly as one kernel needs: instructions are functions and constants that give bytes,
 * {@link assemble} makes the module. So the kernel is readable source, and no toolchain takes part in a build.
 */
export type Code = readonly (number | Code)[];

/** One exported function; its locals are numbered from 0, parameters first. */
export interface WasmFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

export type ValueType = typeof I32 | typeof I64 | typeof V128;
export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;

/** A module with one memory, exported as `memory`. */
export function assemble(functions: readonly WasmFunction[], memoryPages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, results }) => [0x60, vector(parameters), vector(results)]);
  const exports = [[name('memory'), 0x02, 0x00], ...functions.map((one, index) => [name(one.name), 0x00, unsigned(index)])];
  const bodies = functions.map(({ locals, body }) => sized([vector(locals.map((type) => [0x01, type])), body, END]));
  return Uint8Array.from(flat([
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(1, types), section(3, functions.map((_, index) => unsigned(index))),
    section(5, [[0x00, unsigned(memoryPages)]]), section(7, exports), section(10, bodies),
  ]));
}

const END = 0x0b;

export function get(local: number): Code {
  return [0x20, unsigned(local)];
}

export function set(local: number): Code {
  return [0x21, unsigned(local)];
}

export function tee(local: number): Code {
  return [0x22, unsigned(local)];
}

/** Repeats `body` while `condition` leaves something other than 0. */
export function loopWhile(condition: Code, body: Code): Code {
  return [0x02, 0x40, 0x03, 0x40, condition, 0x45, 0x0d, 1, body, 0x0c, 0, END, END];
}

/** Runs `body`, in which {@link LEAVE_IF} ends it early. */
export function block(body: Code): Code {
  return [0x02, 0x40, body, END];
}

/** Leaves the {@link block} around it if the number on the stack is not 0. */
export const LEAVE_IF: Code = [0x0d, 0];

export const i32 = {
  const: (value: number): Code => [0x41, signed(value)],
  ltU: 0x49, leU: 0x4d, add: 0x6a, sub: 0x6b, and: 0x71, shl: 0x74, shrU: 0x76, wrap: 0xa7,
} as const;

export const i64 = {
  const: (value: bigint): Code => [0x42, signedBig(BigInt.asIntN(64, value))],
  load: (offset: number): Code => [0x29, 0, unsigned(offset)],
  load8: (offset: number): Code => [0x31, 0, unsigned(offset)],
  store: (offset: number): Code => [0x37, 0, unsigned(offset)],
  ne: 0x52, sub: 0x7d, and: 0x83, xor: 0x85, shl: 0x86, shrS: 0x87, shrU: 0x88, extend: 0xad,
} as const;

export const v128 = {
  load: (offset: number): Code => [0xfd, 0x00, 0, unsigned(offset)],
  store: (offset: number): Code => [0xfd, 0x0b, 0, unsigned(offset)],
  xor: [0xfd, 0x51],
} as const;

function section(id: number, entries: readonly Code[]): Code {
  return [id, sized(vector(entries))];
}

function vector(entries: Code): Code {
  return [unsigned(entries.length), entries];
}

function sized(code: Code): Code {
  const bytes = flat(code);
  return [unsigned(bytes.length), bytes];
}

function name(text: string): Code {
  return vector([...Buffer.from(text)]);
}

/** By the built-in, because this runs cold at every start. */
function flat(code: Code): number[] {
  return (code as readonly unknown[]).flat(Infinity) as number[];
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const isLast = value >= -0x40 && value < 0x40;
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, signed(value >> 7)];
}

function signedBig(value: bigint): Code {
  const isLast = value >= -0x40n && value < 0x40n;
  const low = Number(value & 0x7fn);
  return isLast ? [low] : [low | 0x80, signedBig(value >> 7n)];
}
