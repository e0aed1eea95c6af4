import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SeenRequest {
  readonly url: string;
  readonly form: URLSearchParams;
}

export interface StandIn {
  readonly endpoint: string;
  readonly seen: readonly SeenRequest[];
  close(): Promise<void>;
}

/** A loopback server that answers every request with what `answer` says; a string status of 0 cuts the connection. */
export async function startStandIn(answer: (form: URLSearchParams, action: string) => { status: number; body: string }): Promise<StandIn> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = request.url ?? '';
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      seen.push({ url, form });
      const { status, body } = answer(form, new URL(url, 'http://x').searchParams.get('Action') ?? '');
      if (status === 0) {
        request.socket.destroy();
        return;
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `127.0.0.1:${(server.address() as AddressInfo).port}`.replace(/^/, 'http://'),
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Decrypts what the vectors say, for they were made with no KMS that we could ask. */
export function startDecryptServer(blobs: Readonly<Record<string, string>>): Promise<StandIn> {
  return startStandIn((form) => {
    const Plaintext = blobs[form.get('CiphertextBlob') ?? ''];
    return Plaintext === undefined
      ? { status: 400, body: JSON.stringify({ Code: 'InvalidCiphertext', Message: 'unknown blob', RequestId: 'R-1' }) }
      : { status: 200, body: JSON.stringify({ Plaintext, KeyId: 'key-1', KeyVersionId: 'v1', RequestId: 'R-2' }) };
  });
}
