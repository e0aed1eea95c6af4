import type { IncomingHttpHeaders } from 'node:http';
import type { Answer } from './answer.js';
import type { Payload } from './bucket.js';
import type { Disk } from './disk.js';
import type { Query } from './query.js';
import type { Resource } from './signature.js';
import { element, text } from './xml.js';

/** An authenticated request, as the operations see it. */
export interface OssRequest extends Resource {
  readonly disk: Disk;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly query: Query;
  readonly nowMs: number;
  readonly region: string;
  /** Bytes of the smallest part that may have one after it. */
  readonly minPartBytes: number;
  /** The rest of the body into memory or `spillTo`. @throws Disconnected, OssError */
  receive(spillTo: string): Promise<Payload>;
  /** The body as text. @throws Disconnected, OssError */
  receiveText(): Promise<string>;
}

export type Operation = (request: OssRequest) => Promise<Answer> | Answer;

/** Whoever runs the embedded cloud. */
export const OWNER = element('Owner', text('ID', 'local'), text('DisplayName', 'local'));

export function xmlAnswer(xml: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 200, headers: { ...headers, 'content-type': 'application/xml' }, body: xml };
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

export function isoDate(ms: number): string {
  return new Date(ms).toISOString();
}
