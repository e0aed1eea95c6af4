import { EnvelopeError } from '../errors.js';
import type { Metadata } from '../store/store.js';

/** Strict reading of header values: whole grammars only, so that duplicates joined by an HTTP library fail. */
export class HeaderFields {
  readonly #metadata: Metadata;
  readonly #object: string;

  /** `object` names the object in errors. */
  constructor(metadata: Metadata, object: string) {
    this.#metadata = metadata;
    this.#object = object;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#metadata, name);
  }

  /** No header of ours is ever empty. */
  optional(name: string): string | undefined {
    const value = this.has(name) ? this.#metadata[name] : undefined;
    return value === '' ? this.refuse(`${name} is empty`) : value;
  }

  required(name: string): string {
    return this.optional(name) ?? this.refuse(`${name} is missing`);
  }

  /** The text of standard, padded, canonical base64 of at least one byte. */
  base64(name: string): string {
    const value = this.required(name);
    return isCanonicalBase64(value) ? value : this.refuse(`${name} is not canonical base64`);
  }

  /** A decimal integer without sign, space or leading zero. */
  decimal(name: string): number | undefined {
    const value = this.optional(name);
    if (value === undefined) {
      return undefined;
    }
    const number = /^(?:0|[1-9][0-9]{0,15})$/.test(value) ? Number(value) : NaN;
    return Number.isSafeInteger(number) ? number : this.refuse(`${name} is not a plain decimal number`);
  }

  /** Exactly this many bytes, given in lower-case hex. */
  hex(name: string, lengthBytes: number): Buffer {
    return Buffer.from(this.hexText(name, lengthBytes), 'hex');
  }

  /** The text of exactly this many bytes in lower-case hex. */
  hexText(name: string, lengthBytes: number): string {
    const value = this.required(name);
    return isHex(value, lengthBytes) ? value : this.refuse(`${name} is not ${2 * lengthBytes} lower-case hex digits`);
  }

  /** What `parse` makes of the value; where it throws, the error names the header. */
  parsed<T>(name: string, parse: (value: string) => T): T {
    const value = this.required(name);
    try {
      return parse(value);
    } catch {
      return this.refuse(`${name} does not match its grammar`);
    }
  }

  refuse(reason: string): never {
    throw new EnvelopeError('envelope-invalid', `${this.#object}: the envelope is invalid: ${reason}`, {
      object: this.#object,
      remedy: 'The metadata was damaged, altered or written by an unknown tool; `sealift inspect` shows it.',
    });
  }
}

/** @throws EnvelopeError `envelope-invalid`: nothing is written that a reader would refuse */
export function assertWritable(isReadable: boolean, what: string, object: string): void {
  if (!isReadable) {
    throw new EnvelopeError('envelope-invalid', `${object}: no reader would take this envelope: ${what}`, {
      object,
      remedy: 'Whoever made or wrapped the key gave something that does not fit the format; report it.',
    });
  }
}

/** Whether the text is that of so many bytes in lower-case hex. */
export function isHex(text: string, lengthBytes: number): boolean {
  return text.length === 2 * lengthBytes && /^[0-9a-f]+$/.test(text);
}

export function isCanonicalBase64(text: string): boolean {
  return text !== '' && Buffer.from(text, 'base64').toString('base64') === text;
}
