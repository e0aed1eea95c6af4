/**
 * Every size and count in one place, each with its unit and its source.
 * "OSS" is the limits page of Object Storage Service; "ours" is a choice of this project.
 */
export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

/** Bytes of a data key: AES-256. */
export const DATA_KEY_BYTES = 32;
/** Bytes of the GCM nonce: 8 random, 4 zero (docs/format). */
export const NONCE_BYTES = 12;
/** Bytes of a counter block. */
export const BLOCK_BYTES = 16;
/** Bytes of a GCM tag, of the mac and of a part digest. Node accepts 4-byte tags unless told otherwise. */
export const TAG_BYTES = 16;
/** Bytes of the commitment: HMAC-SHA-256. */
export const COMMITMENT_BYTES = 32;

/** Plaintext bytes per object: SP 800-38D allows 2^32 − 2 blocks per nonce, that is 2^39 − 256 bits. */
export const MAX_PLAINTEXT_BYTES = 2 ** 36 - 32;
/** Objects of one worker that may share one wrapped start block (the format). */
export const MAX_OBJECTS_PER_WRAPPED_START = 256;

/** Bytes of an object key in UTF-8: OSS. */
export const MAX_OBJECT_KEY_BYTES = 1023;
/** Bytes of user metadata, full names plus values: OSS. */
export const MAX_METADATA_BYTES = 8 * KiB;
/** Parts of one multipart upload: OSS. */
export const MAX_PARTS = 10_000;
/** Bytes of one part, the last excepted: OSS. */
export const MIN_PART_BYTES = 100 * KiB;
export const MAX_PART_BYTES = 5 * GiB;
/** Objects per page of a listing: OSS. */
export const LIST_PAGE_OBJECTS = 1000;

/** Bytes per call of a cipher: larger updates allocate twice in fresh pages and run at a third of the speed. Ours, measured. */
export const CIPHER_CHUNK_BYTES = 64 * KiB;

/** Default bytes of one part. Ours. */
export const DEFAULT_PART_BYTES = 8 * MiB;
/** Default byte budget of all buffers of a run. Ours. */
export const DEFAULT_MEMORY_BYTES = 256 * MiB;
/** Default requests in flight per worker thread. Ours. */
export const DEFAULT_CONCURRENCY = 16;
/** Smallest memory budget that a run accepts. Ours. */
export const MIN_MEMORY_BYTES = 8 * MiB;
/** Bounds of --threads and --concurrency. Ours. */
export const MAX_THREADS = 256;
export const MAX_CONCURRENCY = 1024;

/** Small files per batch handed to a worker: one pool task per file costs as much as the file. Ours, measured. */
export const BATCH_FILES = 16;
/** Bytes of file data per batch. Ours. */
export const BATCH_BYTES = 4 * MiB;
/** Attempts for a file that changes while it is read. */
export const MAX_ATTEMPTS_PER_FILE = 3;

/** A record that may be lost without harm reaches the disk within this time, in milliseconds. */
export const GROUP_COMMIT_MS = 200;

/** Time-outs of one request, in milliseconds. Ours. */
export const CONNECT_TIMEOUT_MS = 10_000;
export const IDLE_TIMEOUT_MS = 60_000;

/** Retry policy: full jitter between 0 and base · 2^n, capped; all bounds in milliseconds. */
export const RETRY_BASE_MS = 200;
export const RETRY_CAP_MS = 30_000;
export const RETRY_TOTAL_MS = 15 * 60_000;
export const RETRY_AFTER_CAP_MS = 120_000;
