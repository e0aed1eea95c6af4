import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { DATA_KEY_BYTES, KMS_MAX_DATA_KEY_BYTES, KMS_MAX_PLAINTEXT_BYTES, MAX_CLOCK_SKEW_MS, MAX_XML_BODY_BYTES } from '../limits.js';
import type { AccessKey, AccessKeys } from './access.js';
import type { Answer } from './answer.js';
import type { Call } from './call.js';
import { type EncryptionContext, type KmsKeys, KmsRefusal } from './kms-keys.js';
import { parseQuery } from './query.js';
import { createServiceServer, type ScriptedAnswer, type ServiceOptions, type ServiceServer } from './service.js';
import { equal, uriEncode } from './signature.js';

export interface KmsServerOptions extends ServiceOptions {
  readonly keys: KmsKeys;
  readonly access: AccessKeys;
  /** Added to every answer, in milliseconds: what a call to the real service takes. */
  readonly latencyMs: number;
}

type Parameters = ReadonlyMap<string, string>;
type Action = (parameters: Parameters, keys: KmsKeys) => Readonly<Record<string, string>>;

const KEY_SPECS: Readonly<Record<string, number>> = { AES_256: 32, AES_128: 16 };

const ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['GenerateDataKey', generateDataKey],
  ['Encrypt', encrypt],
  ['Decrypt', decrypt],
]);

/** Speaks the RPC protocol of KMS: parameters in the query, in a form body, or in both. */
export function createKmsServer(options: KmsServerOptions): ServiceServer {
  const nonces = new Map<string, number>();
  return createServiceServer({ name: 'kms', open: (call) => open(call, options, nonces), refuse, scripted }, options);
}

async function open(call: Call, options: KmsServerOptions, nonces: Map<string, number>): Promise<() => Promise<Answer>> {
  const parameters = await readParameters(call);
  const action = parameters.get('Action') ?? '';
  call.info = { ...call.info, operation: action === '' ? 'Unknown' : action, accessKeyId: parameters.get('AccessKeyId') ?? '' };
  authenticate(call.request.method ?? '', parameters, options);
  useNonce(parameters, nonces, options.now());
  const perform = ACTIONS.get(action);
  if (perform === undefined) {
    throw new KmsRefusal(404, 'InvalidAction.NotFound', 'The specified action is not found.');
  }
  return async () => {
    if (options.latencyMs > 0) {
      await delay(options.latencyMs);
    }
    return json(200, { ...perform(parameters, options.keys), RequestId: randomUUID() });
  };
}

function generateDataKey(parameters: Parameters, keys: KmsKeys) {
  const bytes = dataKeyBytes(parameters);
  const plaintext = randomBytes(bytes).toString('base64');
  const { blob, keyId, versionId } = keys.seal(required(parameters, 'KeyId'), Buffer.from(plaintext), contextOf(parameters));
  return { CiphertextBlob: blob.toString('base64'), Plaintext: plaintext, KeyId: keyId, KeyVersionId: versionId };
}

/** The plaintext is taken as the string it is: SDKs send Base64 and, some of them, plain decimal digits. */
function encrypt(parameters: Parameters, keys: KmsKeys) {
  const plaintext = Buffer.from(required(parameters, 'Plaintext'));
  if (plaintext.length > KMS_MAX_PLAINTEXT_BYTES) {
    throw invalidParameter('Plaintext');
  }
  const { blob, keyId, versionId } = keys.seal(required(parameters, 'KeyId'), plaintext, contextOf(parameters));
  return { CiphertextBlob: blob.toString('base64'), KeyId: keyId, KeyVersionId: versionId };
}

function decrypt(parameters: Parameters, keys: KmsKeys) {
  const blob = Buffer.from(required(parameters, 'CiphertextBlob'), 'base64');
  const { plaintext, keyId, versionId } = keys.open(blob, contextOf(parameters));
  return { Plaintext: plaintext.toString(), KeyId: keyId, KeyVersionId: versionId };
}

function dataKeyBytes(parameters: Parameters): number {
  const [spec, number] = [parameters.get('KeySpec'), parameters.get('NumberOfBytes')];
  const bytes = number !== undefined ? Number(number) : spec === undefined ? DATA_KEY_BYTES : (KEY_SPECS[spec] ?? NaN);
  if (!(Number.isInteger(bytes) && bytes >= 1 && bytes <= KMS_MAX_DATA_KEY_BYTES)) {
    throw invalidParameter(number === undefined ? 'KeySpec' : 'NumberOfBytes');
  }
  return bytes;
}

const FLAT_CONTEXT = 'EncryptionContext.';

/** The documented form is one JSON string; a map given to the SDK arrives as `EncryptionContext.name` instead and means the same. */
function contextOf(parameters: Parameters): EncryptionContext {
  const text = parameters.get('EncryptionContext');
  const flat = [...parameters].filter(([name]) => name.startsWith(FLAT_CONTEXT));
  try {
    const given = text === undefined ? {} : z.record(z.string(), z.string()).parse(JSON.parse(text));
    return { ...given, ...Object.fromEntries(flat.map(([name, value]) => [name.slice(FLAT_CONTEXT.length), value])) };
  } catch {
    throw invalidParameter('EncryptionContext');
  }
}

async function readParameters(call: Call): Promise<Parameters> {
  const { url = '/', headers } = call.request;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of call.body()) {
    bytes += chunk.length;
    if (bytes > MAX_XML_BODY_BYTES) {
      throw invalidParameter('body');
    }
    parts.push(chunk);
  }
  const isForm = (headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  try {
    const query = parseQuery(/\?(.*)$/su.exec(url)?.[1] ?? '');
    return new Map([...query.pairs, ...(isForm ? parseQuery(Buffer.concat(parts).toString()).pairs : [])]);
  } catch {
    throw invalidParameter('query');
  }
}

function authenticate(method: string, parameters: Parameters, { access, now }: KmsServerOptions): void {
  const key = findKey(parameters, access, now());
  const sent = Date.parse(parameters.get('Timestamp') ?? '');
  if (!(Math.abs(now() - sent) <= MAX_CLOCK_SKEW_MS)) {
    throw new KmsRefusal(400, 'InvalidTimeStamp.Expired', 'Specified time stamp or date value is expired.');
  }
  if (parameters.get('SignatureMethod') !== 'HMAC-SHA1' || parameters.get('SignatureVersion') !== '1.0') {
    throw invalidParameter('SignatureMethod');
  }
  if (!equal(rpcSignature(method, parameters, key.secret), required(parameters, 'Signature'))) {
    throw new KmsRefusal(400, 'SignatureDoesNotMatch', 'Specified signature is not matched with our calculation.');
  }
}

/** Signature of an RPC request: HMAC-SHA1 over method and all parameters, wherever they were sent. */
function rpcSignature(method: string, parameters: Parameters, secret: string): string {
  const pairs = [...parameters]
    .filter(([name]) => name !== 'Signature')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${uriEncode(name)}=${uriEncode(value)}`);
  return createHmac('sha1', `${secret}&`).update(`${method}&%2F&${uriEncode(pairs.join('&'))}`).digest('base64');
}

function findKey(parameters: Parameters, access: AccessKeys, nowMs: number): AccessKey {
  const key = access.find(required(parameters, 'AccessKeyId'));
  if (key === undefined) {
    throw new KmsRefusal(404, 'InvalidAccessKeyId.NotFound', 'Specified access key is not found.');
  }
  if (parameters.get('SecurityToken') !== key.securityToken) {
    throw new KmsRefusal(400, 'InvalidSecurityToken.MismatchWithAccessKey', 'Specified SecurityToken mismatch with the AccessKey.');
  }
  if (key.expiresAtMs !== undefined && nowMs >= key.expiresAtMs) {
    throw new KmsRefusal(400, 'InvalidSecurityToken.Expired', 'Specified SecurityToken is expired.');
  }
  return key;
}

/** A nonce counts once within the time for which its request could be replayed. */
function useNonce(parameters: Parameters, nonces: Map<string, number>, nowMs: number): void {
  const nonce = required(parameters, 'SignatureNonce');
  for (const [old, usedMs] of nonces) {
    if (nowMs - usedMs <= 2 * MAX_CLOCK_SKEW_MS) {
      break;
    }
    nonces.delete(old);
  }
  if (nonces.has(nonce)) {
    throw new KmsRefusal(400, 'SignatureNonceUsed', 'Specified signature nonce was used already.');
  }
  nonces.set(nonce, nowMs);
}

function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined || value === '') {
    throw new KmsRefusal(400, `Missing${name}`, `${name} is mandatory for this action.`);
  }
  return value;
}

function invalidParameter(name: string): KmsRefusal {
  return new KmsRefusal(400, 'InvalidParameter', `The specified parameter is not valid: ${name}.`);
}

function refuse(error: unknown, call: Call): Answer {
  const refusal = error instanceof KmsRefusal ? error : new KmsRefusal(500, 'InternalFailure', `The embedded KMS failed: ${String(error)}`);
  const HostId = call.request.headers.host ?? '';
  const { status, code } = refusal;
  return { ...json(status, { Code: code, Message: refusal.message, RequestId: randomUUID(), HostId }), errorCode: code };
}

function scripted({ status, code, message, body, headers = {} }: ScriptedAnswer, call: Call): Answer {
  const answer = refuse(new KmsRefusal(status, code ?? 'Scripted', message ?? 'This answer was asked for.'), call);
  return { ...answer, headers: { ...answer.headers, ...headers }, ...(body === undefined ? {} : { body }) };
}

function json(status: number, value: Readonly<Record<string, string>>): Answer {
  return { status, headers: { 'content-type': 'application/json;charset=utf-8' }, body: JSON.stringify(value) };
}
