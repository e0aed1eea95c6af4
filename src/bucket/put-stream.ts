import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import type { ObjectKeys } from '../keys/wrapped-start.js';
import type { BucketPorts } from './bucket-ports.js';
import { chunksOf } from './chunks.js';
import { SpooledBody } from './frozen-body.js';
import type { PutObjectOptions, PutObjectResult } from './options.js';
import { nextKeys } from './put-common.js';
import { putParts } from './put-parts.js';
import { putWhole } from './put-whole.js';
import { Spool } from './spool.js';

type Stream = AsyncIterable<Uint8Array | string>;

/**
 * Content whose length nobody knows. One that ends within a part is sealed in memory and sent whole. A longer one is
 * sealed as it comes, and its ciphertext waits on disk until the tag is known, because the tag has to be sent first.
 */
export async function putStream(name: string, content: Stream, options: PutObjectOptions, ports: BucketPorts): Promise<PutObjectResult> {
  refuseSpent(content);
  const intake = new Intake(name, options, ports);
  try {
    // The memory of the intake is given back before parts ask for theirs: two streams could wait for each other.
    const whole = await ports.memory.with(ports.bounds.partBytes, () => intake.take(content));
    return whole ?? (await intake.send());
  } finally {
    await intake.end();
  }
}

/** A stream that somebody has read already ends at once, and an empty object would take the place of its content. */
function refuseSpent(content: Stream): void {
  if (content instanceof Readable ? content.readableEnded || content.destroyed : isDisturbed(content)) {
    throw new TypeError('the content is a stream that was read or destroyed already');
  }
}

/** Node answers for web streams too; only its types do not know that. */
function isDisturbed(content: Stream): boolean {
  return content instanceof ReadableStream && Readable.isDisturbed(content as unknown as Readable);
}

interface Spooling {
  readonly keys: ObjectKeys;
  readonly spool: Spool;
  readonly body: SpooledBody;
}

class Intake {
  readonly #name: string;
  readonly #options: PutObjectOptions;
  readonly #ports: BucketPorts;
  #spooling: Spooling | undefined;

  constructor(name: string, options: PutObjectOptions, ports: BucketPorts) {
    this.#name = name;
    this.#options = options;
    this.#ports = ports;
  }

  /** Reads to the end. Answers when that was so soon that the object is sent already. */
  async take(content: Stream): Promise<PutObjectResult | undefined> {
    const { slabs, bounds } = this.#ports;
    const slab = slabs.take(bounds.partBytes);
    try {
      const rest = slab.subarray(0, await this.#fill(slab, content));
      if (this.#spooling === undefined) {
        return await putWhole(this.#name, { data: rest }, this.#options, this.#ports);
      }
      await this.#spooling.body.add(rest);
      return undefined;
    } finally {
      slabs.give(slab);
    }
  }

  async send(): Promise<PutObjectResult> {
    const { body, keys } = await this.#begun();
    return await putParts({ name: this.#name, body: body.freeze(), keys }, this.#options, this.#ports);
  }

  async end(): Promise<void> {
    this.#spooling?.keys.issued.dataKey.wipe();
    await this.#spooling?.spool.close();
  }

  /** Fills the slab again and again; answers how much of it the last, unspooled piece takes. */
  async #fill(slab: Buffer, content: Stream): Promise<number> {
    let filled = 0;
    for await (const chunk of chunksOf(this.#name, content, this.#options.signal)) {
      for (let taken = 0; taken < chunk.length; ) {
        if (filled === slab.length) {
          await (await this.#begun()).body.add(slab);
          filled = 0;
        }
        const count = chunk.copy(slab, filled, taken);
        filled += count;
        taken += count;
      }
    }
    return filled;
  }

  async #begun(): Promise<Spooling> {
    return (this.#spooling ??= await this.#begin());
  }

  async #begin(): Promise<Spooling> {
    const spool = await Spool.create(this.#ports.temporaryDirectory);
    try {
      const keys = await nextKeys(this.#name, this.#options, this.#ports);
      const body = new SpooledBody({ dataKey: keys.issued.dataKey, start: keys.startBlock }, spool, this.#options.contentMd5 !== undefined);
      return { keys, spool, body };
    } catch (error) {
      await spool.close();
      throw error;
    }
  }
}
