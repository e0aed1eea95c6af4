import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

export interface Answer {
  readonly status: number;
  /** A stream needs its `content-length` here; for all other bodies it is computed. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Readable;
  /** Code of a refusal, for the log. */
  readonly errorCode?: string;
}

/**
 * Sends an answer. The connection is cut when the client leaves, after `cutAfterBytes` of the body, and when a stream ends
 * before its `content-length`: the client must not wait for bytes that never come.
 */
export async function deliver(response: ServerResponse, answer: Answer, cutAfterBytes: number | undefined): Promise<void> {
  const { body } = answer;
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) {
    deliverWhole(response, answer, { bytes: Buffer.from(body ?? ''), cutAfterBytes });
    return;
  }
  response.writeHead(answer.status, answer.headers);
  const total = Math.min(Number(answer.headers?.['content-length']), cutAfterBytes ?? Infinity);
  const sent = await pump(response, body, total).catch(() => -1);
  if (sent !== total || cutAfterBytes !== undefined) {
    cut(response);
    return;
  }
  response.end();
}

function deliverWhole(response: ServerResponse, { status, headers }: Answer, { bytes, cutAfterBytes }: { bytes: Buffer; cutAfterBytes: number | undefined }): void {
  const bodiless = response.req.method === 'HEAD' || status === 204 || status === 304;
  response.writeHead(status, bodiless ? headers : { ...headers, 'content-length': String(bytes.length) });
  if (cutAfterBytes === undefined) {
    response.end(bodiless ? undefined : bytes);
    return;
  }
  response.write(bytes.subarray(0, cutAfterBytes));
  cut(response);
}

/** @returns the bytes handed over, at most `limit`; less when the client left */
async function pump(response: ServerResponse, body: Readable, limit: number): Promise<number> {
  let sent = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    if (response.destroyed || sent >= limit) {
      break;
    }
    const piece = chunk.subarray(0, limit - sent);
    sent += piece.length;
    if (!response.write(piece)) {
      await drained(response);
    }
  }
  return sent;
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

/** What was written before still leaves, also where this answer waits for the one before it and has no socket yet. */
function cut(response: ServerResponse): void {
  response.end(() => response.req.socket.destroySoon());
}
