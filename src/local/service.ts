import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { SealiftError } from '../errors.js';
import { LOCAL_HEADER_BYTES } from '../limits.js';
import { deliver, type Answer } from './answer.js';
import { Call } from './call.js';
import type { Fault, FaultPlan, RequestInfo } from './faults.js';
import { Disconnected } from './receive.js';
import type { RequestLog } from './request-log.js';

/** Not `localhost`: another server may have the same port on the other address that this name stands for. */
export const LOOPBACK = '127.0.0.1';

export type ScriptedAnswer = Extract<Fault, { kind: 'answer' }>;

/** What differs between OSS and KMS; connections, faults and the log are common. */
export interface Service {
  readonly name: RequestInfo['service'];
  /** Checks the signature, refines `call.info`, and returns what does the work. Throws what `refuse` understands. */
  open(call: Call): (() => Promise<Answer>) | Promise<() => Promise<Answer>>;
  /** Turns anything thrown into an answer. */
  refuse(error: unknown, call: Call): Answer;
  /** An answer that a fault plan asked for. */
  scripted(fault: ScriptedAnswer, call: Call): Answer;
}

export interface ServiceOptions {
  readonly now: () => number;
  readonly log?: RequestLog | undefined;
  readonly faults?: FaultPlan | undefined;
}

export interface ServiceServer {
  /** Binds the loopback interface and no other. @param port 0 for a free one @returns the port */
  listen(port: number): Promise<number>;
  /** Cuts all connections and waits for what they had under way. */
  close(): Promise<void>;
}

export function createServiceServer(service: Service, options: ServiceOptions): ServiceServer {
  // Uploads take as long as they take, and an idle connection must outlive the patience of its client.
  const server = createServer({ maxHeaderSize: LOCAL_HEADER_BYTES, requestTimeout: 0, keepAliveTimeout: 120_000 });
  const underWay = new Set<Promise<void>>();
  // Unique without asking for randomness on every request.
  const idPrefix = randomBytes(6).toString('hex').toUpperCase();
  let sequence = 0;
  const accept = (request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void => {
    sequence += 1;
    const info = {
      service: service.name,
      sequence,
      operation: 'Unknown',
      method: request.method ?? '',
      bucket: '',
      key: '',
      query: {},
      accessKeyId: '',
    };
    const requestId = idPrefix + sequence.toString(16).toUpperCase().padStart(12, '0');
    const call = new Call({ request, response, awaitsContinue }, info, { requestId, startedMs: options.now(), digest: options.log !== undefined });
    const work = serve(service, call, options).catch(() => call.cut());
    underWay.add(work);
    void work.then(() => underWay.delete(work));
  };
  server.on('request', (request, response) => accept(request, response, false));
  server.on('checkContinue', (request, response) => accept(request, response, true));
  return {
    listen: (port) => listen(server, port),
    close: async () => {
      const stopped = server.listening ? once(server, 'close') : undefined;
      server.close();
      server.closeAllConnections();
      await stopped;
      await Promise.all(underWay);
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, LOOPBACK);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new SealiftError('config-invalid', `port ${port} of ${LOOPBACK} cannot be used: ${error instanceof Error ? error.message : 'unknown error'}`, {
      object: String(port),
      remedy: 'Choose another port, or 0 for a free one.',
      cause: error,
    });
  }
  return (server.address() as AddressInfo).port;
}

async function serve(service: Service, call: Call, { log, faults }: ServiceOptions): Promise<void> {
  const answer = await answerTo(service, call, { log, faults }).catch((error: unknown) => {
    if (error instanceof Disconnected) {
      return undefined;
    }
    throw error;
  });
  log?.(call.record(answer));
  if (answer === undefined) {
    call.cut();
    return;
  }
  const closing = call.awaitsContinue ? { connection: 'close' } : {};
  const cutAfterBytes = call.fault?.kind === 'truncate' ? call.fault.afterBytes : undefined;
  await deliver(call.response, { ...answer, headers: { ...answer.headers, ...closing } }, cutAfterBytes);
}

async function answerTo(service: Service, call: Call, { log, faults }: Pick<ServiceOptions, 'log' | 'faults'>): Promise<Answer> {
  try {
    const perform = await service.open(call);
    call.fault = faults?.(call.info);
    return await underFault(service, call, perform);
  } catch (error) {
    if (error instanceof Disconnected) {
      throw error;
    }
    if (log !== undefined && !call.awaitsContinue) {
      await call.drain();
    }
    return service.refuse(error, call);
  }
}

async function underFault(service: Service, call: Call, perform: () => Promise<Answer>): Promise<Answer> {
  const { fault } = call;
  switch (fault?.kind) {
    case 'answer':
      await call.drain();
      return service.scripted(fault, call);
    case 'reset':
      await call.drain(fault.afterBytes ?? 0);
      call.cut();
      throw new Disconnected('by the fault plan');
    case 'stall':
      await call.drain(fault.afterBytes ?? 0);
      await closed(call);
      throw new Disconnected('by the fault plan');
    case 'lose-answer':
      await perform();
      throw new Disconnected('by the fault plan');
    case 'delay':
      await delayWhileConnected(call, fault.ms);
      return perform();
    case 'wrong-checksums':
      return withChecksums(await perform(), fault);
    case 'truncate':
    case undefined:
      return perform();
  }
}

async function delayWhileConnected({ request }: Call, ms: number): Promise<void> {
  const over = new AbortController();
  try {
    await Promise.race([delay(ms, undefined, { ref: false }), once(request.socket, 'close', { signal: over.signal })]);
  } finally {
    over.abort();
  }
}

async function closed({ request }: Call): Promise<void> {
  if (!request.socket.destroyed) {
    await once(request.socket, 'close');
  }
}

function withChecksums(answer: Answer, { etag, crc64 }: Extract<Fault, { kind: 'wrong-checksums' }>): Answer {
  const headers = {
    ...answer.headers,
    ...(etag === undefined ? {} : { etag: `"${etag}"` }),
    ...(crc64 === undefined ? {} : { 'x-oss-hash-crc64ecma': crc64 }),
  };
  return { ...answer, headers };
}
