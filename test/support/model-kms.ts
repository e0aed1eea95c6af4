import { createHmac, randomUUID } from 'node:crypto';

export interface ModelKms {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly accessKeySecret: string;
  /** The EncryptionContext as one JSON string, if the writer used a passphrase. */
  readonly context?: string;
}

/** KMS Decrypt by the RPC recipe (HMAC-SHA1, everything in the signed form body), on node:crypto and fetch alone. */
export function modelDecrypt({ endpoint, accessKeyId, accessKeySecret, context }: ModelKms): (blob: string) => Promise<string> {
  return async (blob) => {
    const parameters: Record<string, string> = {
      Action: 'Decrypt', Version: '2016-01-20', Format: 'JSON', AccessKeyId: accessKeyId, SignatureMethod: 'HMAC-SHA1', SignatureVersion: '1.0',
      SignatureNonce: randomUUID(), Timestamp: new Date().toISOString().replace(/\.\d+Z$/, 'Z'), CiphertextBlob: blob,
      ...(context === undefined ? {} : { EncryptionContext: context }),
    };
    const canonical = Object.keys(parameters).sort().map((name) => `${encode(name)}=${encode(parameters[name] ?? '')}`).join('&');
    const Signature = createHmac('sha1', `${accessKeySecret}&`).update(`POST&${encode('/')}&${encode(canonical)}`).digest('base64');
    const answer = await fetch(endpoint, { method: 'POST', body: new URLSearchParams({ ...parameters, Signature }) });
    const { Plaintext } = (await answer.json()) as { Plaintext?: string };
    if (!answer.ok || Plaintext === undefined) {
      throw new Error(`Decrypt: HTTP ${answer.status}`);
    }
    return Plaintext;
  };
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
