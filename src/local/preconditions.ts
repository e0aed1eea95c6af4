import type { IncomingHttpHeaders } from 'node:http';
import type { ObjectEntry } from './bucket-index.js';
import { OssError } from './oss-error.js';
import { invalidArgument } from './oss-error.js';

/**
 * If-Match and its kin, or the same with the prefix that CopyObject uses.
 *
 * @returns whether the answer is 304
 * @throws OssError PreconditionFailed
 */
export function checkPreconditions(headers: IncomingHttpHeaders, entry: ObjectEntry, prefix = ''): boolean {
  const value = (name: string): string | undefined => {
    const header = headers[prefix + name];
    return typeof header === 'string' ? header : undefined;
  };
  const modifiedMs = Math.floor(entry.modifiedMs / 1000) * 1000;
  const [match, noneMatch] = [value('if-match'), value('if-none-match')];
  const [unmodifiedSince, modifiedSince] = [date(value('if-unmodified-since')), date(value('if-modified-since'))];
  if ((match !== undefined && !listed(match, entry.etag)) || (unmodifiedSince !== undefined && modifiedMs > unmodifiedSince)) {
    throw new OssError(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold.', { ec: '0016-00000701' });
  }
  return (noneMatch !== undefined && listed(noneMatch, entry.etag)) || (modifiedSince !== undefined && modifiedMs <= modifiedSince);
}

/** Bytes `start` to `end` (excluded); undefined stands for the whole object. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * The range to answer. OSS ignores a range that is malformed or reaches beyond the object, and sends the object as a whole,
 * unless `x-oss-range-behavior: standard` asks for what HTTP says.
 *
 * @throws OssError InvalidRange, in standard behaviour only
 */
export function parseRange(headers: IncomingHttpHeaders, sizeBytes: number): Range | undefined {
  const standard = headers['x-oss-range-behavior'] === 'standard';
  const [, first, last] = /^bytes=(\d*)-(\d*)$/u.exec(headers.range ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) {
    return undefined;
  }
  const start = first === '' ? Math.max(sizeBytes - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? sizeBytes : Number(last) + 1;
  if (start < sizeBytes && start < end && (end <= sizeBytes || standard)) {
    return { start, end: Math.min(end, sizeBytes) };
  }
  if (standard && start >= sizeBytes) {
    throw new OssError(416, 'InvalidRange', 'The requested range cannot be satisfied.', { ec: '0017-00000301', more: { ActualObjectSize: String(sizeBytes) } });
  }
  return undefined;
}

/** A whole number between bounds from the query. @throws OssError InvalidArgument */
export function boundedNumber(value: string | undefined, bounds: { name: string; min: number; max: number; byDefault: number }): number {
  if (value === undefined || value === '') {
    return bounds.byDefault;
  }
  const number = /^\d+$/u.test(value) ? Number(value) : NaN;
  if (!(number >= bounds.min && number <= bounds.max)) {
    throw invalidArgument(`${bounds.name} must be an integer between ${bounds.min} and ${bounds.max}.`, '0017-00000202');
  }
  return number;
}

function listed(list: string, etag: string): boolean {
  return list.split(',').some((each) => [etag, '*'].includes(each.trim().replaceAll('"', '').toUpperCase()));
}

function date(value: string | undefined): number | undefined {
  const ms = Date.parse(value ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}
