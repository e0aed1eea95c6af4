import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';

const NAMED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
  isArray: (name) => name === 'Part' || name === 'Object',
});

const completeSchema = z.object({
  CompleteMultipartUpload: z.object({ Part: z.array(z.object({ PartNumber: z.string(), ETag: z.string() })) }),
});

const deleteSchema = z.object({
  Delete: z.object({ Quiet: z.string().optional(), Object: z.array(z.object({ Key: z.string() })) }),
});

export interface NamedPart {
  readonly number: number;
  /** Without quotes, upper case. */
  readonly etag: string;
}

/** @returns undefined when the text is no such document */
export function parseComplete(xml: string): readonly NamedPart[] | undefined {
  const parsed = completeSchema.safeParse(parse(xml));
  return parsed.data?.CompleteMultipartUpload.Part.map((part) => ({
    number: Number(part.PartNumber.trim()),
    etag: part.ETag.trim().replaceAll('"', '').toUpperCase(),
  }));
}

/** @returns undefined when the text is no such document */
export function parseDelete(xml: string): { readonly quiet: boolean; readonly keys: readonly string[] } | undefined {
  const body = deleteSchema.safeParse(parse(xml)).data?.Delete;
  return body && { quiet: body.Quiet?.trim() === 'true', keys: body.Object.map(({ Key }) => Key) };
}

/** `children` are XML already. */
export function element(name: string, ...children: readonly string[]): string {
  return `<${name}>${children.join('')}</${name}>`;
}

export function text(name: string, value: string | number | boolean): string {
  return `<${name}>${escape(String(value))}</${name}>`;
}

export function document(root: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;
}

/** Control characters become references, as OSS sends them, although XML 1.0 knows no such characters. */
function escape(value: string): string {
  return value.replace(/[&<>"\p{Cc}]/gu, (char) => NAMED[char] ?? `&#x${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()};`);
}

function parse(xml: string): unknown {
  try {
    return parser.parse(xml) as unknown;
  } catch {
    return undefined;
  }
}
