import { setFlagsFromString } from 'node:v8';
import llhttp from 'undici/lib/llhttp/llhttp_simd-wasm.js';
import { PARSER_TIERING_BYTES } from '../limits.js';

/** V8's own default, which cannot be asked for. */
const TIERING_BYTES = Number.parseInt(process.versions.v8) < 12 ? 1_800_000 : 13_000_000;

let held: WebAssembly.Module | undefined;

/**
 * undici parses answers with a WebAssembly module whose one large function V8 optimises during the first answer: a quarter of a
 * CPU second on a helper thread, more than a run of a few hundred files takes, and no process ends before it is done. Whoever
 * compiles the same bytes later, in any thread, shares the code as long as somebody holds it; so undici gets what is compiled
 * here, with more patience.
 */
export function compileParser(): void {
  held ??= compilePatiently(llhttp);
}

function compilePatiently(bytes: Uint8Array<ArrayBuffer>): WebAssembly.Module {
  setFlagsFromString(`--wasm-tiering-budget=${PARSER_TIERING_BYTES}`);
  try {
    return new WebAssembly.Module(bytes);
  } finally {
    setFlagsFromString(`--wasm-tiering-budget=${TIERING_BYTES}`);
  }
}
