/**
 * A second reader, written from docs/FORMAT.md alone: nothing of `src` is used, so that a mistake in both directions of our
 * own code cannot hide. Slow, strict and short; whole objects only.
 */
import assert from 'node:assert/strict';
import { constants, createCipheriv, createDecipheriv, createHmac, hkdfSync, privateDecrypt, type KeyObject } from 'node:crypto';

export interface ModelObject {
  /** The key under which it was found. */
  readonly key: string;
  /** Full lower-case header names. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface ModelKeys {
  readonly rsa?: KeyObject | undefined;
  /** KMS Decrypt: the Plaintext of a CiphertextBlob. */
  readonly kms?: (blob: string) => Promise<string>;
}

export interface ModelResult {
  readonly plaintext: Buffer;
  readonly attributes: string;
  readonly family: 'oss-crypto' | 'client-side-encryption';
}

const FAMILIES = {
  'oss-crypto': {
    key: 'x-oss-meta-oss-crypto-key', start: 'x-oss-meta-oss-crypto-start', cek: 'x-oss-meta-oss-cek-alg', wrap: 'x-oss-meta-oss-wrap-alg',
    length: 'x-oss-meta-unencrypted-content-length', cekValue: 'AES/GCM/NoPadding',
  },
  'client-side-encryption': {
    key: 'x-oss-meta-client-side-encryption-key', start: 'x-oss-meta-client-side-encryption-start', cek: 'x-oss-meta-client-side-encryption-cek-alg',
    wrap: 'x-oss-meta-client-side-encryption-wrap-alg', length: 'x-oss-meta-client-side-encryption-unencrypted-content-length', cekValue: 'AES/CTR/NoPadding',
  },
} as const;

/** Opens a sealed object or fails an assertion that names what is wrong with it. */
export async function modelOpen(object: ModelObject, keys: ModelKeys): Promise<ModelResult> {
  const { metadata, body } = object;
  const family = 'x-oss-meta-oss-crypto-key' in metadata ? 'oss-crypto' : 'client-side-encryption';
  const names = FAMILIES[family];
  assert.equal(value(metadata, names.cek), names.cekValue);
  assert.equal(value(metadata, names.length), String(body.length));
  assertMultipart(metadata, body.length);
  assert.ok(metadataBytes(metadata) <= 8192, 'metadata above 8 KiB');

  const dataKey = await unwrapKey(metadata, names, keys);
  const start = await unwrapStart(metadata, names, keys);
  assert.equal(dataKey.length, 32);
  assert.equal(start.subarray(8).toString('hex'), '0000000000000002');

  const sealed = authenticationOf(object);
  const plaintext = openGcm(dataKey, start, sealed, body);
  assert.ok(plaintext.equals(ctr(dataKey, start, body)), 'foreign readers see something else');
  assert.equal(macOf(dataKey, start, body), sealed.mac, 'mac');
  const commitmentKey = Buffer.from(hkdfSync('sha256', dataKey, start, 'sealift/1 commitment', 32));
  const committed = Buffer.concat([sealed.aad, Buffer.from(sealed.tag, 'hex'), Buffer.from(sealed.mac, 'hex')]);
  assert.equal(createHmac('sha256', commitmentKey).update(committed).digest('hex'), sealed.commitment, 'commitment');
  return { plaintext, attributes: sealed.attributes, family };
}

type Names = (typeof FAMILIES)[keyof typeof FAMILIES];

async function unwrapKey(metadata: ModelObject['metadata'], names: Names, keys: ModelKeys): Promise<Buffer> {
  const wrapped = base64(metadata, names.key);
  switch (value(metadata, names.wrap)) {
    case 'rsa':
      return oaep(keys, wrapped);
    case 'RSA/NONE/PKCS1Padding':
      return pkcs1(keys, wrapped);
    case 'kms':
      return Buffer.from(await kms(keys, value(metadata, names.key)), 'base64');
    case 'KMS/ALICLOUD':
      return Buffer.from(await kms(keys, alicloudBlob(metadata, names, names.key)), 'base64');
    default:
      assert.fail(`unknown wrap-alg ${value(metadata, names.wrap)}`);
  }
}

async function unwrapStart(metadata: ModelObject['metadata'], names: Names, keys: ModelKeys): Promise<Buffer> {
  const wrapped = base64(metadata, names.start);
  switch (value(metadata, names.wrap)) {
    case 'rsa':
      return decimalBlock(oaep(keys, wrapped).toString('ascii'));
    case 'RSA/NONE/PKCS1Padding':
      return pkcs1(keys, wrapped);
    case 'kms':
      return decimalBlock(await kms(keys, value(metadata, names.start)));
    default:
      return Buffer.from(await kms(keys, alicloudBlob(metadata, names, names.start)), 'base64');
  }
}

/** The Python flavour is base64 of base64, key and start alike. */
function alicloudBlob(metadata: ModelObject['metadata'], names: Names, name: string): string {
  const once = (header: string): string => base64(metadata, header).toString('latin1');
  const isPython = [names.key, names.start].every((header) => once(header) !== '' && Buffer.from(once(header), 'base64').toString('base64') === once(header));
  return isPython ? once(name) : value(metadata, name);
}

function oaep({ rsa }: ModelKeys, wrapped: Buffer): Buffer {
  assert.ok(rsa, 'an RSA key is needed');
  return privateDecrypt({ key: rsa, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }, wrapped);
}

/** 00 02, eight or more bytes that are not zero, 00, message. */
function pkcs1({ rsa }: ModelKeys, wrapped: Buffer): Buffer {
  assert.ok(rsa, 'an RSA key is needed');
  const block = privateDecrypt({ key: rsa, padding: constants.RSA_NO_PADDING }, wrapped);
  assert.equal(block.readUInt16BE(0), 2, 'PKCS#1 block type');
  const end = block.indexOf(0, 2);
  assert.ok(end >= 10, 'PKCS#1 padding');
  return block.subarray(end + 1);
}

async function kms(keys: ModelKeys, blob: string): Promise<string> {
  assert.ok(keys.kms, 'a KMS is needed');
  return await keys.kms(blob);
}

function decimalBlock(text: string): Buffer {
  assert.match(text, /^[0-9]{40}$/);
  return Buffer.from(BigInt(text).toString(16).padStart(32, '0'), 'hex');
}

interface Sealed {
  readonly aad: Buffer;
  readonly attributes: string;
  readonly tag: string;
  readonly mac: string;
  readonly commitment: string;
}

function authenticationOf({ key, metadata, body }: ModelObject): Sealed {
  const ours = (suffix: string): string => value(metadata, `x-oss-meta-sealift-${suffix}`);
  assert.equal(ours('version'), '1');
  assert.equal(ours('name'), percentEncode(key));
  const attributes = metadata['x-oss-meta-sealift-attributes'] ?? '';
  assert.match(attributes, /^(?:|(?=.)(?:mode=(?:0|[1-7][0-7]{0,3}))?(?:(?:^|,)mtime=(?:0|-?[1-9][0-9]{0,11})\.[0-9]{9})?)$/);
  assert.match(ours('tag'), /^[0-9a-f]{32}$/);
  assert.match(ours('mac'), /^[0-9a-f]{32}$/);
  assert.match(ours('commitment'), /^[0-9a-f]{64}$/);
  const aad = Buffer.from(`sealift/1\nname:${ours('name')}\nlength:${body.length}\nattributes:${attributes}\n`, 'ascii');
  return { aad, attributes, tag: ours('tag'), mac: ours('mac'), commitment: ours('commitment') };
}

function percentEncode(key: string): string {
  return [...Buffer.from(key, 'utf8')]
    .map((byte) => (/[A-Za-z0-9\-._~/]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`))
    .join('');
}

function openGcm(key: Buffer, start: Buffer, { aad, tag }: Sealed, body: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, start.subarray(0, 12), { authTagLength: 16 }).setAAD(aad).setAuthTag(Buffer.from(tag, 'hex'));
  return Buffer.concat([decipher.update(body), decipher.final()]);
}

function ctr(key: Buffer, start: Buffer, body: Buffer): Buffer {
  return createDecipheriv('aes-256-ctr', key, start).update(body);
}

function macOf(key: Buffer, start: Buffer, body: Buffer): string {
  const macKey = Buffer.from(hkdfSync('sha256', key, start, 'sealift/1 mac', 32));
  const cipher = createCipheriv('aes-256-gcm', macKey, start.subarray(0, 12), { authTagLength: 16 }).setAAD(body);
  cipher.final();
  return cipher.getAuthTag().toString('hex');
}

function assertMultipart(metadata: ModelObject['metadata'], sizeBytes: number): void {
  const dataSize = metadata['x-oss-meta-client-side-encryption-data-size'];
  const partSize = metadata['x-oss-meta-client-side-encryption-part-size'];
  assert.equal(dataSize === undefined, partSize === undefined, 'data-size and part-size go together');
  if (dataSize !== undefined) {
    assert.equal(dataSize, String(sizeBytes));
    assert.match(partSize ?? '', /^[1-9][0-9]*$/);
    assert.equal(Number(partSize) % 16, 0);
  }
}

function metadataBytes(metadata: ModelObject['metadata']): number {
  return Object.entries(metadata).reduce((sum, [name, text]) => sum + name.length + text.length, 0);
}

function value(metadata: ModelObject['metadata'], name: string): string {
  return metadata[name] ?? assert.fail(`${name} is missing`);
}

function base64(metadata: ModelObject['metadata'], name: string): Buffer {
  const bytes = Buffer.from(value(metadata, name), 'base64');
  assert.equal(bytes.toString('base64'), value(metadata, name), `${name} is canonical base64`);
  return bytes;
}
