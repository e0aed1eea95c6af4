import { decodeBase64 } from './base64.js';
import { malformedAnswer, type FailedCall, type KmsFailure } from './kms-failures.js';

/** The body of a 2xx: whatever JSON the server sent. */
export class KmsAnswer {
  readonly #call: FailedCall;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(call: FailedCall, fields: Readonly<Record<string, unknown>>) {
    this.#call = call;
    this.#fields = fields;
  }

  text(field: 'Plaintext' | 'CiphertextBlob'): string {
    const value = this.#fields[field];
    if (typeof value !== 'string' || value === '') {
      throw this.lacks(field);
    }
    return value;
  }

  /** Headers carry it as it is, so it has to be what our own parser accepts. */
  blob(): string {
    const blob = this.text('CiphertextBlob');
    if (decodeBase64(blob) === undefined) {
      throw this.lacks('a blob in base64');
    }
    return blob;
  }

  /** Nothing depends on it but what is told about an object: an answer without it is as good. */
  under(): string | undefined {
    const { KeyId: keyId, KeyVersionId: versionId } = this.#fields;
    return typeof keyId === 'string' && typeof versionId === 'string' ? `kms:${keyId}:${versionId}` : undefined;
  }

  lacks(what: string): KmsFailure {
    return malformedAnswer(this.#call, what);
  }
}
