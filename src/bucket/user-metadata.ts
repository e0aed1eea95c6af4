import { userMetadataOf } from '../envelope/envelope.js';
import { EnvelopeError } from '../errors.js';
import type { Metadata } from '../store/store.js';

const PREFIX = 'x-oss-meta-';
const NAME = /^[a-z0-9-]+$/;
/** Printable ASCII without spaces at the ends: HTTP libraries trim them, and then the signature does not fit. */
const VALUE = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;

/**
 * Metadata of the caller's own as headers. Names under our prefixes are refused when the envelope is encoded.
 * @throws EnvelopeError `usage` for a name or value that does not survive HTTP.
 */
export function toHeaders(object: string, metadata: Readonly<Record<string, string>> = {}): Metadata {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => {
      if (!NAME.test(name) || name.startsWith(PREFIX)) {
        throw refused(object, name, 'Use a–z, 0–9 and hyphens, without x-oss-meta- in front.');
      }
      if (!VALUE.test(value)) {
        throw refused(object, name, 'Use a value of printable ASCII without spaces at its ends; encode everything else.');
      }
      return [PREFIX + name, value];
    }),
  );
}

/** The caller's own part of an object's metadata, without the prefix. */
export function fromHeaders(metadata: Metadata): Record<string, string> {
  return Object.fromEntries(Object.entries(userMetadataOf(metadata)).map(([name, value]) => [name.slice(PREFIX.length), value]));
}

function refused(object: string, name: string, remedy: string): EnvelopeError {
  return new EnvelopeError('usage', `${object}: ${JSON.stringify(name)} cannot be metadata`, { object, remedy });
}
