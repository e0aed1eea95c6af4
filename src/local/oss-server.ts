import { MAX_SINGLE_PUT_BYTES, MAX_XML_BODY_BYTES } from '../limits.js';
import type { AccessKeys } from './access.js';
import type { Answer } from './answer.js';
import type { Call } from './call.js';
import type { Disk } from './disk.js';
import { OssError } from './oss-error.js';
import type { OssRequest } from './oss-request.js';
import { routeOf } from './operations.js';
import { receivePayload, receiveText } from './receive.js';
import { parseTarget, type Target } from './resource.js';
import { createServiceServer, type ScriptedAnswer, type ServiceOptions, type ServiceServer } from './service.js';
import { accessKeyIdOf, type Resource, verifyOssSignature } from './signature.js';

export interface OssServerOptions extends ServiceOptions {
  readonly disk: Disk;
  readonly access: AccessKeys;
  readonly region: string;
  /** Bytes of the smallest part that may have one after it. */
  readonly minPartBytes: number;
}

/** Speaks OSS as far as clients that move objects need it: path style and host style, signature V1 and V4. */
export function createOssServer(options: OssServerOptions): ServiceServer {
  return createServiceServer({ name: 'oss', open: (call) => open(call, options), refuse, scripted }, options);
}

function open(call: Call, options: OssServerOptions): () => Promise<Answer> {
  const { request } = call;
  const target = parseTarget(request.url ?? '/', request.headers.host);
  const method = request.method ?? '';
  const resource = authenticate(call, target, options);
  const { perform } = identify(call, target, resource);
  const ossRequest: OssRequest = {
    ...resource,
    disk: options.disk,
    method,
    headers: request.headers,
    query: target.query,
    nowMs: options.now(),
    region: options.region,
    minPartBytes: options.minPartBytes,
    receive: (spillTo) => receivePayload(request, call.body(), { spillTo, maxBytes: MAX_SINGLE_PUT_BYTES }),
    receiveText: () => receiveText(request, call.body(), MAX_XML_BODY_BYTES),
  };
  return async () => withCommonHeaders(await perform(ossRequest), call);
}

function authenticate(call: Call, { candidates, query }: Target, options: OssServerOptions): Resource {
  const { method = '', headers } = call.request;
  try {
    return verifyOssSignature({ method, headers, query }, candidates, options);
  } catch (error) {
    identify(call, { candidates, query }, candidates[0]);
    throw error;
  }
}

function identify(call: Call, { query }: Target, resource: Resource) {
  const { request } = call;
  const method = request.method ?? '';
  const route = routeOf({ ...resource, method, query, copies: request.headers['x-oss-copy-source'] !== undefined });
  const [uploadId, partNumber] = [query.get('uploadId'), query.get('partNumber')];
  call.info = {
    ...call.info,
    ...resource,
    operation: route.name,
    query: Object.fromEntries(query.pairs),
    accessKeyId: accessKeyIdOf(request.headers.authorization),
    ...(uploadId === undefined ? {} : { uploadId }),
    ...(partNumber === undefined ? {} : { partNumber: Number(partNumber) }),
  };
  return route;
}

function refuse(error: unknown, call: Call): Answer {
  const refusal = error instanceof OssError ? error : new OssError(500, 'InternalError', `The embedded cloud failed: ${String(error)}`);
  const xml = refusal.toXml(call.requestId, call.request.headers.host ?? '');
  // HEAD answers have no body; there the same document travels in a header.
  const carrier = call.request.method === 'HEAD' ? { 'x-oss-err': Buffer.from(xml).toString('base64') } : {};
  const headers = { 'content-type': 'application/xml', 'x-oss-ec': refusal.ec, ...carrier };
  return withCommonHeaders({ status: refusal.status, headers, body: xml, errorCode: refusal.code }, call);
}

function scripted({ status, code, message, body, headers = {} }: ScriptedAnswer, call: Call): Answer {
  const answer = refuse(new OssError(status, code ?? 'Scripted', message ?? 'This answer was asked for.'), call);
  return { ...answer, headers: { ...answer.headers, ...headers }, ...(body === undefined ? {} : { body }) };
}

function withCommonHeaders(answer: Answer, call: Call): Answer {
  return { ...answer, headers: { server: 'AliyunOSS', 'x-oss-request-id': call.requestId, ...answer.headers } };
}
