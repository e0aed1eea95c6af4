import { EnvelopeError } from '../errors.js';
import { MAX_OBJECT_KEY_BYTES } from '../limits.js';

/** Such a name stands for itself. */
const LITERAL = /^[A-Za-z0-9\-._~][A-Za-z0-9\-._~/]*$/;

/**
 * An object key as a header value: UTF-8 bytes, `A–Z a–z 0–9 - . _ ~ /` literal, every other byte `%XX`. No normalisation.
 * @throws EnvelopeError `name-invalid` for text that has no UTF-8 form, is empty or starts with `/` or `\`, `key-too-long` above 1,023 bytes
 */
export function encodeName(key: string): string {
  if (LITERAL.test(key) && key.length <= MAX_OBJECT_KEY_BYTES) {
    return key;
  }
  const bytes = Buffer.from(key, 'utf8');
  if (/^(?:$|[/\\])/.test(key) || bytes.toString('utf8') !== key) {
    throw new EnvelopeError('name-invalid', `${JSON.stringify(key)}: an object key is non-empty, well-formed Unicode text that starts with neither / nor \\`);
  }
  if (bytes.length > MAX_OBJECT_KEY_BYTES) {
    const remedy = `Shorten the path or the prefix: OSS allows ${MAX_OBJECT_KEY_BYTES} bytes.`;
    throw new EnvelopeError('key-too-long', `${key}: the object key has ${bytes.length} bytes`, { object: key, remedy });
  }
  // encodeURIComponent leaves five characters more and one fewer than the format does.
  return encodeURIComponent(key)
    .replaceAll('%2F', '/')
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The inverse.
 * @throws EnvelopeError `envelope-invalid` for anything that {@link encodeName} would not have written
 */
export function decodeName(encoded: string): string {
  const key = decodeStrictly(encoded);
  if (key === undefined) {
    throw new EnvelopeError('envelope-invalid', 'the sealed name is not a canonically encoded object key');
  }
  return key;
}

function decodeStrictly(encoded: string): string | undefined {
  if (LITERAL.test(encoded) && encoded.length <= MAX_OBJECT_KEY_BYTES) {
    return encoded;
  }
  try {
    const key = decodeURIComponent(encoded);
    return encodeName(key) === encoded ? key : undefined;
  } catch {
    return undefined;
  }
}
