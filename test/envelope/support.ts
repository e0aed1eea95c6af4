import { buildAad, commit } from '../../src/crypto/commitment.js';
import { DataKey } from '../../src/crypto/data-key.js';
import { sealInPlace } from '../../src/crypto/seal.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { encodeName } from '../../src/envelope/authentication.js';
import type { EnvelopeInput } from '../../src/envelope/envelope.js';
import { EnvelopeError, type ErrorCode } from '../../src/errors.js';
import type { UnwrappedKeys } from '../../src/keys/wrapper.js';

export const OBJECT_BYTES = 100;

export interface SealedObject {
  readonly input: EnvelopeInput;
  /** Fresh instances, because a data key seals once. */
  readonly unwrapped: () => UnwrappedKeys;
  readonly body: Buffer;
}

/** An object of 100 bytes; its wrapped values are any base64, because an envelope unwraps nothing. */
export function sealedObject(name = 'a/b.txt', attributes = 'mode=644,mtime=1700000000.000000001'): SealedObject {
  const start = StartBlock.fromDecimal((2n + (77n << 64n)).toString().padStart(40, '0'));
  const unwrapped = (): UnwrappedKeys => ({ dataKey: DataKey.adopt(Buffer.alloc(32, 1)), startBlock: start });
  const encodedName = encodeName(name);
  const body = Buffer.alloc(OBJECT_BYTES, 4);
  const aad = buildAad(encodedName, OBJECT_BYTES, attributes);
  const proof = sealInPlace(unwrapped().dataKey, start, aad, body);
  const commitment = commit(unwrapped().dataKey, start, aad, proof);
  const input: EnvelopeInput = {
    family: 'oss-crypto',
    wrapAlgorithm: 'rsa',
    wrappedKey: Buffer.alloc(256, 2).toString('base64'),
    wrappedStart: Buffer.alloc(256, 3).toString('base64'),
    materialDescription: undefined,
    lengthBytes: OBJECT_BYTES,
    authentication: { encodedName, attributes, ...proof, commitment },
  };
  return { input, unwrapped, body };
}

/** The same object under the other family. */
export function clientSide(input: EnvelopeInput): EnvelopeInput {
  return { ...input, family: 'client-side-encryption', wrapAlgorithm: 'RSA/NONE/PKCS1Padding' };
}

export function envelopeErrorOf(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof EnvelopeError && error.code === code;
}

export const invalid = envelopeErrorOf('envelope-invalid');
