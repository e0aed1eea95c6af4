import type { Readable } from 'node:stream';
import { StoreError } from '../errors.js';
import type { AnswerHeaders } from './transport-answers.js';
import type { Metadata } from './store.js';

/** One call of the OSS protocol, before it is signed. */
export interface OssRequest {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** Name of the object; undefined for a call on the bucket. */
  readonly key: string | undefined;
  /** Query parameters; an empty value is signed as a bare name. */
  readonly query?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers too; apart, because putting two objects into one costs as much as signing them. */
  readonly metadata?: Metadata;
  readonly body?: Uint8Array;
  /** Send Content-MD5: for bodies whose answer has no CRC-64 to compare. */
  readonly withMd5?: boolean;
  /** How the body of a success is delivered: unread, parsed from XML, or as a stream. @default 'nothing' */
  readonly expects?: 'nothing' | 'xml' | 'stream';
  readonly signal?: AbortSignal | undefined;
}

/** A success. */
export interface OssAnswer {
  /** Such as `oss://bucket/key`, for messages. */
  readonly object: string;
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** Of `expects: 'xml'`. */
  readonly document: unknown;
  /** Of `expects: 'stream'`. */
  readonly body: Readable | undefined;
}

/** Signs, sends, and throws a StoreError unless the answer is a success. */
export type Send = (request: OssRequest) => Promise<OssAnswer>;

export function headerOf(headers: AnswerHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The text of a child element; undefined when there is none. */
export function textOf(element: unknown, name: string): string | undefined {
  const child = childOf(element, name);
  return typeof child === 'string' ? child : undefined;
}

/** The elements of a name: the parser gives nothing, one, or a list. */
export function elementsOf(element: unknown, name: string): unknown[] {
  const child = childOf(element, name);
  if (child === undefined) {
    return [];
  }
  return Array.isArray(child) ? child : [child];
}

/** The text of an element without which the answer makes no sense. */
export function requiredText(answer: OssAnswer, element: unknown, name: string): string {
  const text = textOf(element, name);
  if (text === undefined || text === '') {
    throw nonsense(answer, `${name} is missing in the answer`);
  }
  return text;
}

/** A size in bytes; throws when it is not a plain decimal number. */
export function sizeOf(answer: OssAnswer, text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw nonsense(answer, 'the answer has no valid size');
  }
  return Number(text);
}

export function metadataOf(headers: AnswerHeaders): Metadata {
  const entries = Object.keys(headers).filter((name) => name.startsWith('x-oss-meta-')).map((name) => [name, headerOf(headers, name) ?? '']);
  return Object.fromEntries(entries) as Metadata;
}

export function unquoted(etag: string): string {
  return etag.replace(/^"|"$/g, '');
}

/** An answer that does not add up may have been cut or changed on its way, so it is worth another try. */
export function nonsense(answer: Pick<OssAnswer, 'object' | 'status'>, what: string): StoreError {
  const { object, status } = answer;
  return new StoreError('remote-unavailable', `${object}: ${what}`, { object, status, retryable: true });
}

function childOf(element: unknown, name: string): unknown {
  return typeof element === 'object' && element !== null && Object.hasOwn(element, name)
    ? (element as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
