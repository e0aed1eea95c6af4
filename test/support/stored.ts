import { Crc64 } from '../../src/crypto/crc64.js';
import type { Metadata } from '../../src/store/store.js';
import type { World } from './world.js';

/** An object as the server has it. */
export async function fetchStored(world: World, key: string): Promise<{ body: Buffer; metadata: Metadata }> {
  const { body, metadata } = await world.store.get(key);
  const chunks: Buffer[] = [];
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
  }
  return { body: Buffer.concat(chunks), metadata };
}

export async function store(world: World, key: string, body: Buffer, metadata: Metadata): Promise<void> {
  const crc64 = Crc64.create().digestOf(body);
  await world.store.put(key, body, { metadata, crc64 });
}

/** Takes from an object what authenticates it. */
export async function strip(world: World, key: string): Promise<void> {
  const { body, metadata } = await fetchStored(world, key);
  await store(world, key, body, Object.fromEntries(Object.entries(metadata).filter(([name]) => !name.startsWith('x-oss-meta-sealift-'))));
}
