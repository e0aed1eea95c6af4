/**
 * Seals the golden objects of a format version, once: `node dist/test/golden/write.js v1`. Refuses to replace a file,
 * because a golden object that changes proves nothing.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { buildAad, commit, deriveMacKey, type Authenticators } from '../../src/crypto/commitment.js';
import { applyCtr } from '../../src/crypto/ctr.js';
import type { DataKey } from '../../src/crypto/data-key.js';
import { ghashPiece, joinMac, joinTag } from '../../src/crypto/ghash.js';
import { partDigest } from '../../src/crypto/part-digest.js';
import { sealInPlace } from '../../src/crypto/seal.js';
import { StartBlock } from '../../src/crypto/start-block.js';
import { encodeAttributes, encodeName } from '../../src/envelope/authentication.js';
import { encodeEnvelope, type Multipart } from '../../src/envelope/envelope.js';
import { rsaWrapper } from '../../src/keys/rsa.js';
import type { EnvelopeFamily } from '../../src/keys/wrapper.js';
import { vectorPlaintext } from '../vectors/load.js';
import { GOLDEN_DIRECTORY, goldenKey, type GoldenFile, type GoldenObject } from './golden.js';

interface Recipe {
  readonly key: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Seals in two passes, part by part. */
  readonly partBytes?: number;
}

const RECIPES: readonly Recipe[] = [
  { key: 'empty', sizeBytes: 0, mode: 0o600, mtimeNs: 0n },
  { key: '目录/ü ~!\'()*%.txt', sizeBytes: 17, mode: 0o4755, mtimeNs: -1_500_000_000n },
  { key: 'a/b/chunks.bin', sizeBytes: 65_553, mode: 0o644, mtimeNs: 1_764_000_000_123_456_789n },
  { key: 'a/b/parts.bin', sizeBytes: 1_000, mode: 0, mtimeNs: 1n, partBytes: 304 },
];

async function golden(family: EnvelopeFamily, recipe: Recipe): Promise<GoldenObject> {
  const { key, sizeBytes, mode, mtimeNs, partBytes } = recipe;
  const wrapper = rsaWrapper(goldenKey(), family);
  const { dataKey, wrappedKey } = await wrapper.issueDataKey();
  const start = StartBlock.generate();
  const [encodedName, attributes] = [encodeName(key), encodeAttributes({ mode, mtimeNs })];
  const aad = buildAad(encodedName, sizeBytes, attributes);
  const body = vectorPlaintext(sizeBytes);
  const plaintextSha256 = createHash('sha256').update(body).digest('hex');
  const proof = partBytes === undefined ? sealInPlace(dataKey, start, aad, body) : sealInParts({ dataKey, start, aad, partBytes }, body);
  const multipart: Multipart | undefined = partBytes === undefined ? undefined : { dataSizeBytes: sizeBytes, partSizeBytes: partBytes };
  const metadata = encodeEnvelope({
    family,
    wrapAlgorithm: wrapper.wrapAlgorithm,
    wrappedKey,
    wrappedStart: await wrapper.wrapStart(start),
    materialDescription: undefined,
    lengthBytes: sizeBytes,
    ...(multipart && { multipart }),
    authentication: { encodedName, attributes, ...proof, commitment: commit(dataKey, start, aad, proof) },
  });
  return { key, family, metadata, body: body.toString('base64'), plaintextBytes: sizeBytes, plaintextSha256, mode: mode.toString(8), mtimeNs: mtimeNs.toString() };
}

interface PartSeal {
  readonly dataKey: DataKey;
  readonly start: StartBlock;
  readonly aad: Buffer;
  readonly partBytes: number;
}

function sealInParts({ dataKey, start, aad, partBytes }: PartSeal, body: Buffer): Authenticators {
  const macKey = deriveMacKey(dataKey, start);
  const parts = Array.from({ length: Math.ceil(body.length / partBytes) }, (_, index) => {
    const part = body.subarray(index * partBytes, (index + 1) * partBytes);
    applyCtr(dataKey, start, index * partBytes, part);
    const state = ghashPiece(dataKey.keyObject, part);
    return { index, state, digest: partDigest(macKey, start, index, part), lengthBytes: part.length };
  });
  return { tag: joinTag(dataKey, start, aad, parts), mac: joinMac(macKey, start, parts) };
}

const format = process.argv[2] ?? 'v1';
const objects = await Promise.all(
  (['oss-crypto', 'client-side-encryption'] as const).flatMap((family) => RECIPES.map((recipe) => golden(family, recipe))),
);
const file: GoldenFile = { format, note: 'Sealed by this format version for the key of test/vectors/keys.json. Never rewritten.', objects };
writeFileSync(new URL(`${format}.json`, GOLDEN_DIRECTORY), `${JSON.stringify(file, null, 1)}\n`, { flag: 'wx' });
