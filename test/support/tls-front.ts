import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer } from 'node:tls';
import { selfSigned } from './certificates.js';
import { testKey } from './world.js';

export interface TlsFront {
  readonly endpoint: string;
  /** PEM text of the certificate, which is its own authority. */
  readonly certificate: string;
}

/** Puts TLS, behind a certificate that nobody vouches for, before a server of this machine. */
export async function openTlsFront(t: TestContext, plainEndpoint: string): Promise<TlsFront> {
  const key = testKey().privateKey?.export({ type: 'pkcs1', format: 'pem' }).toString() ?? '';
  const certificate = selfSigned(key);
  const { hostname, port } = new URL(plainEndpoint);
  const front = createServer({ key, cert: certificate }, (secure) => {
    const plain = connect(Number(port), hostname);
    secure.pipe(plain).pipe(secure);
    secure.on('error', () => plain.destroy());
    plain.on('error', () => secure.destroy());
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  t.after(() => front.close());
  return { endpoint: `https://localhost:${(front.address() as AddressInfo).port}`, certificate };
}
