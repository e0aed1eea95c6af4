import { parseEnvelope } from '../envelope/envelope.js';
import type { ObjectStore } from '../store/store.js';
import { checkOptions, openBucketPorts, type BucketPorts } from './bucket-ports.js';
import { informationOf } from './content.js';
import { getContent } from './get-object.js';
import { getToFile } from './get-to-file.js';
import type {
  CryptoBucketOptions, GetObjectOptions, GetObjectToFileOptions, HeadObjectResult, ListedObjectInformation, ObjectContent, OpenedObject,
  OperationOptions, PutObjectOptions, PutObjectResult, SavedObject,
} from './options.js';
import { putContent, putFile } from './put-object.js';

/**
 * One bucket whose objects are sealed before they leave this process and verified before anybody sees them.
 *
 * ```ts
 * const bucket = new CryptoBucket({ endpoint, bucket: 'b', credentials, cryptoProvider: new RsaProvider({ directory }) });
 * await bucket.putObject('motto.txt', 'work hard, play hard');
 * const motto = await bucket.getObject('motto.txt');
 * console.log(await motto.text(), motto.authenticated);
 * ```
 *
 * Memory is bounded by `memoryBytes` for all operations together, besides what the caller holds; content that does not fit
 * waits on disk as ciphertext. Every method may be called while others are under way.
 *
 * What every method may reject with:
 * - StoreError: OSS refused or could not be reached (`not-found`, `access-denied`, `remote-unavailable`, `replaced`, …), or
 *   the signal aborted (`interrupted`);
 * - MasterKeyError: a key is missing, unreadable, or its passphrase is wrong; KmsError: KMS refused or could not be reached;
 * - SealiftError `config-invalid` or `credentials-missing`: the options cannot work.
 *
 * And reading besides:
 * - EnvelopeError: the object is not sealed (`not-sealed`), or its metadata is damaged (`envelope-invalid`);
 * - AuthenticationError: the object, its name or its key is not what was sealed (`authentication-failed`, `renamed`);
 * - UnauthenticatedObjectError: another SDK wrote it, and `allowUnauthenticated` was not set.
 */
export class CryptoBucket {
  readonly #options: CryptoBucketOptions;
  #opening: Promise<BucketPorts> | undefined;

  /** Sends nothing. Throws SealiftError `config-invalid` or `usage` for an address or a number that cannot work. */
  constructor(options: CryptoBucketOptions) {
    checkOptions(options);
    this.#options = options;
  }

  /**
   * Seals content and writes it as one object; an existing one is replaced unless `forbidOverwrite` is set.
   *
   * A stream may have any length, up to 64 GiB − 32. It is read to its end before the first byte is sent, because the tag
   * travels in front of the body: what does not fit into one part waits in `temporaryDirectory` as ciphertext.
   *
   * @param name - 1 to 1,023 bytes of UTF-8, with neither `/` nor `\` in front
   * @throws EnvelopeError `usage` for metadata under our names or that HTTP cannot carry, `metadata-too-large` above 8 KiB
   * @throws SealiftError `checksum-mismatch` for a `contentMd5` that is not the content's, `too-large`, `unstable` for a buffer that changes meanwhile
   */
  async putObject(name: string, content: ObjectContent, options: PutObjectOptions = {}): Promise<PutObjectResult> {
    return await putContent(name, content, options, await this.#ports());
  }

  /**
   * Seals a file, together with its mode and modification time. A file that changes while it is read is started again.
   *
   * @throws like {@link CryptoBucket.putObject}, and SealiftError `vanished`, `unreadable`, or `unstable` for a file that never holds still
   */
  async putObjectFromFile(name: string, path: string, options: PutObjectOptions = {}): Promise<PutObjectResult> {
    return await putFile(name, path, options, await this.#ports());
  }

  /**
   * Fetches an object and verifies all of it before the first byte is handed out: in memory while it is small, else in a
   * temporary file, as ciphertext.
   *
   * A `range` is fetched and opened as it is read. Key, name and length of its object are verified, its bytes are not.
   *
   * @throws SealiftError `usage` for a range that is not in the object, or without `unverifiedRange: true`
   */
  async getObject(name: string, options: GetObjectOptions = {}): Promise<OpenedObject> {
    return await getContent(name, options, await this.#ports());
  }

  /**
   * Fetches an object into a file, which gets its name only when everything is verified and on disk. Mode and modification
   * time are those of the file that was sealed, if it was one.
   *
   * @param path - its directory has to exist
   * @throws SealiftError `exists` with `overwrite: false`, `disk-full`, `write-failed`
   */
  async getObjectToFile(name: string, path: string, options: GetObjectToFileOptions = {}): Promise<SavedObject> {
    return await getToFile(name, path, options, await this.#ports());
  }

  /** What the metadata says; needs no master key and verifies nothing. @throws EnvelopeError `envelope-invalid` */
  async headObject(name: string, options: OperationOptions = {}): Promise<HeadObjectResult> {
    const { store } = await this.#ports();
    const head = await store.head(name, requestOptions(options));
    const envelope = parseEnvelope(head.metadata, head.sizeBytes, name);
    return { ...informationOf(name, head), envelope: envelope?.family, sealed: envelope?.authentication !== undefined };
  }

  /** Deletes an object, sealed or not. One that does not exist is no error. */
  async deleteObject(name: string, options: OperationOptions = {}): Promise<void> {
    const { store } = await this.#ports();
    await store.delete(name, requestOptions(options));
  }

  /** Every object whose name starts with `prefix`, in byte order of UTF-8, page by page as they are asked for. */
  async *listObjects(prefix = '', options: OperationOptions = {}): AsyncGenerator<ListedObjectInformation, void, void> {
    const { store } = await this.#ports();
    let token: string | undefined;
    do {
      const page = await store.list(prefix, token, requestOptions(options));
      yield* page.objects.map(({ key, sizeBytes, etag }) => ({ name: key, sizeBytes, etag }));
      token = page.nextToken;
    } while (token !== undefined);
  }

  /** Frees sockets. Operations under way fail; the bucket opens again with the next one. */
  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const ports = await opening?.catch(() => undefined);
    await ports?.store.close();
  }

  #ports(): Promise<BucketPorts> {
    this.#opening ??= openBucketPorts(this.#options).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }
}

function requestOptions({ signal }: OperationOptions): Parameters<ObjectStore['head']>[1] {
  return signal === undefined ? {} : { signal };
}
