/** How connections of the sink are read: as much at a time as has arrived, into one buffer that all of them share. */
import { Socket, type SocketConstructorOpts } from 'node:net';
import { TLSSocket } from 'node:tls';
import { MiB } from '../../limits.js';

/** Bytes of one read at most: what a fast client sends while the sink is not looking. */
const READ_BYTES = MiB;
const shared = Buffer.allocUnsafeSlow(READ_BYTES);

/**
 * Hands over what arrives, in views that are overwritten by the next read. A read into a buffer of its own costs the
 * sink more than the copy from the kernel does. Node lets clients name a buffer and no server, so the accepted
 * connection goes on as another socket.
 * @returns the socket to answer on
 */
export function reading(accepted: Socket, receive: (data: Buffer) => void): Socket {
  if (accepted instanceof TLSSocket) {
    return accepted.on('data', receive);
  }
  const { _handle: handle } = accepted as unknown as { readonly _handle: object };
  const callback = (bytes: number): boolean => {
    receive(shared.subarray(0, bytes));
    return true;
  };
  return new Socket({ handle, onread: { buffer: shared, callback } } as SocketConstructorOpts);
}
