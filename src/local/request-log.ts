import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { SealiftError } from '../errors.js';
import { KiB } from '../limits.js';
import type { RequestInfo } from './faults.js';

/** One request as the embedded cloud saw it. Carries no secrets: neither signatures nor anything that KMS was told. */
export interface RequestRecord extends RequestInfo {
  /** ISO 8601. */
  readonly time: string;
  readonly requestId: string;
  /** Of the answer; 0 when the connection ended without one. */
  readonly status: number;
  /** Error code of the answer. */
  readonly errorCode?: string;
  /** `x-oss-meta-…` headers of the request, as sent. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Bytes of the request body that arrived, whether or not they were stored. */
  readonly bytes: number;
  /** SHA-256 of those bytes, hex. */
  readonly bodySha256: string;
  /**
   * First 128 bits, hex, of the SHA-256 of the leading 16, 64, 256 … bytes up to 64 KiB and of each further 64 KiB: two
   * bodies are prefixes of one another as far as these agree, also when one was cut off.
   */
  readonly prefixSha256: readonly (readonly [bytes: number, digest: string])[];
  /** The connection ended before the body did. */
  readonly aborted: boolean;
  readonly fault?: string;
}

/** Called once per request, before the last byte of its answer leaves; must not throw. */
export type RequestLog = (record: RequestRecord) => void;

/** Digests of a body while it arrives. */
export class PayloadDigest {
  readonly #hash: Hash = createHash('sha256');
  readonly #prefixes: [number, string][] = [];
  #bytes = 0;
  #boundary = 16;

  update(chunk: Uint8Array): void {
    let rest = chunk;
    while (this.#bytes + rest.length >= this.#boundary) {
      const take = this.#boundary - this.#bytes;
      this.#absorb(rest.subarray(0, take));
      rest = rest.subarray(take);
      this.#prefixes.push([this.#bytes, this.#hash.copy().digest('hex').slice(0, 32)]);
      this.#boundary = nextBoundary(this.#boundary);
    }
    this.#absorb(rest);
  }

  /** Ends the computation. */
  finish(): Pick<RequestRecord, 'bytes' | 'bodySha256' | 'prefixSha256'> {
    return { bytes: this.#bytes, bodySha256: this.#hash.digest('hex'), prefixSha256: this.#prefixes };
  }

  #absorb(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
  }
}

/**
 * Appends every record as a JSON line. Written synchronously, so that it survives the death of the server.
 *
 * @throws SealiftError `write-failed` when the file cannot be opened
 */
export function openRequestLogFile(path: string): { readonly log: RequestLog; readonly close: () => void } {
  const descriptor = openForAppending(path);
  return {
    log: (record) => {
      writeSync(descriptor, `${JSON.stringify(record)}\n`);
    },
    close: () => closeSync(descriptor),
  };
}

function openForAppending(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new SealiftError('write-failed', `${path} cannot be opened for the request log`, { object: path, remedy: 'Name a file in a folder that exists and is writable.', cause });
  }
}

function nextBoundary(boundary: number): number {
  return boundary < 64 * KiB ? boundary * 4 : boundary + 64 * KiB;
}
