import type { ManifestLine } from './record.js';

type DoneLine = Extract<ManifestLine, { type: 'done' }>;

const SIGNED = /^(?:0|-?[1-9][0-9]{0,19})$/;
const UNSIGNED = /^(?:0|[1-9][0-9]{0,19})$/;
const HEX_64 = /^[0-9a-f]{64}$/;
const HEX_16 = /^[0-9a-f]{16}$/;
const MEMBERS: ReadonlySet<string> = new Set([
  'type', 'id', 'size', 'mtimeNs', 'ctimeNs', 'ino', 'etag', 'crc64', 'commitment', 'versionId', 'mode', 'seq', 'chain',
]);

/**
 * Nine of ten lines are `done` lines, and the schema takes longer over one than reading and hashing it. What this accepts, the
 * schema accepts (a test compares them); what it does not is left to the schema.
 */
export function isDoneLine(value: unknown): value is DoneLine {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'done' && hasDoneMembers(value);
}

function hasDoneMembers(line: Partial<Record<keyof DoneLine, unknown>>): boolean {
  return (
    isCount(line.seq) && line.seq !== 0 && isCount(line.id) && isCount(line.size) && matches(SIGNED, line.mtimeNs) && matches(SIGNED, line.ctimeNs) &&
    matches(UNSIGNED, line.ino) && typeof line.etag === 'string' && matches(HEX_16, line.chain) && hasOptionalMembers(line)
  );
}

function hasOptionalMembers(line: Partial<Record<keyof DoneLine, unknown>>): boolean {
  return (
    (line.crc64 === undefined || matches(UNSIGNED, line.crc64)) && (line.commitment === undefined || matches(HEX_64, line.commitment)) &&
    (line.versionId === undefined || typeof line.versionId === 'string') && (line.mode === undefined || isPermissions(line.mode)) &&
    Object.keys(line).every((name) => MEMBERS.has(name))
  );
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isPermissions(value: unknown): boolean {
  return isCount(value) && Number(value) <= 0o7777;
}

function matches(pattern: RegExp, value: unknown): boolean {
  return typeof value === 'string' && pattern.test(value);
}
