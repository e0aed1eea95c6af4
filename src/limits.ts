/**
 * Every size and count in one place, each with its unit and its source.
 * "OSS" is the limits page of Object Storage Service; "ours" is a choice of this project.
 */
export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

/** Bytes of a data key: AES-256. */
export const DATA_KEY_BYTES = 32;
/** Bytes of the GCM nonce: 8 random, 4 zero (docs/FORMAT.md). */
export const NONCE_BYTES = 12;
/** Bytes of the nonce that are random; the other four stay zero because some SDKs overwrite them when they seek. */
export const NONCE_RANDOM_BYTES = 8;
/** Digits of the decimal form of a start block in a sealed object: a multiple of four, so that it is canonical base64 too. */
export const START_DECIMAL_DIGITS = 40;
/** Bytes of randomness drawn at once for data keys. Ours, measured: a third of the cost of single draws. */
export const RANDOM_POOL_BYTES = 8 * KiB;
/** Bytes of a counter block. */
export const BLOCK_BYTES = 16;
/** Bytes of a GCM tag, of the mac and of a part digest. Node accepts 4-byte tags unless told otherwise. */
export const TAG_BYTES = 16;
/** Bytes of an MD5 digest. */
export const MD5_BYTES = 16;
/** Bytes of the commitment: HMAC-SHA-256. */
export const COMMITMENT_BYTES = 32;

/** Plaintext bytes per object: SP 800-38D allows 2^32 − 2 blocks per nonce, that is 2^39 − 256 bits. */
export const MAX_PLAINTEXT_BYTES = 2 ** 36 - 32;
/** Permission bits with set-uid, set-gid and sticky: the format. */
export const MAX_MODE = 0o7777;
/** Seconds from 1970, either way, of a recorded modification time: 12 digits in the format. */
export const MAX_MTIME_SECONDS = 999_999_999_999n;
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
/** Bytes of one part, and of what goes into one request: OSS takes 5 GiB, but Node reads and writes less than 2 at once. Ours. */
export const MAX_PART_BYTES = GiB;
/** Objects per page of a listing: OSS. */
export const LIST_PAGE_OBJECTS = 1000;

/** Bytes per call of a cipher: larger updates allocate twice in fresh pages and run at a third of the speed. Ours, measured. */
export const CIPHER_CHUNK_BYTES = 64 * KiB;

/** Bytes of a piece that are read, sealed and authenticated before the next ones are looked at: they stay in the cache meanwhile. Ours, measured. */
export const SLICE_BYTES = 256 * KiB;

/** Pieces handed to each thread at once where nothing waits for the network: the next one is there when one is done. Ours. */
export const SCANS_PER_THREAD = 3;

/** Parts that each thread has under way at first: one is sealed or opened while the other travels. Ours. */
export const PARTS_PER_THREAD = 2;
/** Share of their time for which threads have to wait before more parts are begun at once. Ours. */
export const SPARE_SHARE = 0.25;
/** So many times as fast as before the last doubling parts must go for the next one. Ours. */
export const FASTER = 1.5;

/** Bytes of the largest file that one thread seals alone and puts in one request: what the default budget gives each of two threads. Ours. */
export const LARGEST_WHOLE_BYTES = 64 * MiB;
/** Default bytes of one part. Ours. */
export const DEFAULT_PART_BYTES = 8 * MiB;
/** Default byte budget of all buffers of a run. Ours. */
export const DEFAULT_MEMORY_BYTES = 256 * MiB;
/** Default requests in flight per worker thread. Ours, measured: at 20 ms of latency a third faster than 16, at none the same. */
export const DEFAULT_CONCURRENCY = 64;
/** Bytes of the memory budget that a run, and each of its threads, needs besides file data: cipher outputs and pieces of answers, until they are collected. Ours, measured. */
export const RUN_BUFFER_BYTES = 24 * MiB;
export const THREAD_BUFFER_BYTES = 16 * MiB;
/** That part of the memory budget is for file data at least, however many threads there are. Ours. */
export const MIN_ARENA_SHARE = 0.75;
/** Bytes of short-lived buffers after which a thread collects them: they are used again while they are in the cache. Ours, measured. */
export const SPENT_BYTES = 2 * MiB;
/** Bytes of the one block by which the allocator learns how much it may keep: several times what is spent between collections. Ours, measured. */
export const ALLOCATOR_HINT_BYTES = 8 * MiB;
/** Nanoseconds for the first touch of a page of memory from which on a piece of a large file is read and sealed twice rather than kept: about twice what that takes, because the next file has the page for nothing. Ours, measured. */
export const DEAR_TOUCH_NS = 4000;
/** Pages that are touched to measure it, in a row, and how often. Ours. */
export const TOUCHED_PAGES = 16;
export const TOUCHED_STRETCHES = 3;
/** Regions of the arena begin at multiples of so many bytes: pages. */
export const ARENA_GRAIN_BYTES = 4 * KiB;
/** What the C library puts before a block of memory that it maps: regions are to begin at pages in memory too. glibc, 64 bits. */
export const ALLOCATOR_HEADER_BYTES = 16;
/** Smallest memory budget that a run accepts. Ours. */
export const MIN_MEMORY_BYTES = 8 * MiB;
/** Bounds of --threads and --concurrency. Ours. */
export const MAX_THREADS = 256;
export const MAX_CONCURRENCY = 1024;

/** Small files per batch handed to a worker: one pool task per file costs as much as the file. Ours, measured. */
export const BATCH_FILES = 64;
/** Small files under way before more threads start than one, or as many as one may hold: it is done with fewer before another could begin. Ours, measured. */
export const FILES_FOR_ONE_THREAD = 64;
/** Bytes of a file, on average, up to which pushing it keeps the coordinator so busy that one thread per core gains little. Ours, measured. */
export const LIGHT_FILE_BYTES = 16 * KiB;
/** Such files in a row after which the last thread has saved as many seconds as its start costs CPU seconds. Ours, measured. */
export const LIGHT_FILES_FOR_ALL_THREADS = 24_000;
/** Share of their time for which threads have to be held up before such files start another one: more than happens where nothing holds them up. Ours, measured. */
export const HELD_UP_SHARE = 0.15;
/** Milliseconds of its life after which it is looked at whether a thread is held up. Ours. */
export const WATCH_MS = 100;
/** Milliseconds in a row that count as being held up: for a tenth of a second others take the processor every few seconds. Ours, measured. */
export const HELD_UP_MS = 300;
/** Bytes of a file that keep a thread as busy as one more small file. Ours, measured. */
export const SMALL_FILE_BYTES = 512 * KiB;
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

/** Bits of an RSA master key: smaller ones are refused. NIST SP 800-131A. */
export const MIN_RSA_BITS = 2048;
/** Sizes that `keys create` offers, in bits. Ours. */
export const RSA_KEY_BITS = [2048, 3072, 4096] as const;
export const DEFAULT_RSA_KEY_BITS = 3072;
/** Bits of the pair that is made in an empty key directory: what the Python SDK makes there. */
export const SDK_RSA_KEY_BITS = 2048;
/** Bytes of a file that may hold a key or a passphrase: far above any real one, so that a wrong path is not read whole. Ours. */
export const MAX_KEY_FILE_BYTES = MiB;
/** Bytes of a passphrase: Node passes no more to OpenSSL. */
export const MAX_PASSPHRASE_BYTES = 1024;
/** Rounds of PBKDF2-HMAC-SHA-256 over the passphrase of a key file that we write: OWASP password storage. */
export const KEY_FILE_KDF_ROUNDS = 600_000;
/** Unwrapped start blocks that a reader remembers per master key. Ours: about 1 MB. */
export const MAX_CACHED_STARTS = 1024;
/** Breaks in a row without one new byte after which a body is given up. Ours. */
export const MAX_BODY_RESUMES = 5;
/** Large files under way at once: pass 1 of the next overlaps pass 2 of the current one. Ours. */
export const LARGE_FILES_AT_ONCE = 2;
/** Time that requests in flight get to finish after an interruption, in milliseconds. Ours. */
export const GRACE_MS = 10_000;
/** Interval of progress events, in milliseconds. Ours. */
export const PROGRESS_MS = 250;

/** An idle connection is kept open for the next request this long, in milliseconds: below what load balancers allow. Ours. */
export const KEEP_ALIVE_MS = 15_000;
/** An answer that trickles in more slowly than this is given up after IDLE_TIMEOUT_MS of waiting. Ours. */
export const MIN_BYTES_PER_SECOND = KiB;
/** Bytes handed to the socket at a time, so that the idle time-out sees a slow upload move. Ours, measured: a fifth less for both ends than 64 KiB. */
export const SEND_CHUNK_BYTES = 256 * KiB;
/** Bytes per second that --bandwidth allows at least: the pieces of a body are 512 bytes then, and smaller ones would be mostly headers of packets. Ours. */
export const MIN_BANDWIDTH = 16 * KiB;
/** With a bandwidth, bodies move by pieces of which so many make up a second, or by smaller ones: of 1,024 requests in flight each moves twice a minute, whatever the bandwidth, and servers end what does not move for one. Ours. */
export const BANDWIDTH_PIECES_PER_SECOND = 32;
/** With a bandwidth, milliseconds that the parts of a file which are under way take at most, one part apart: an interruption keeps nothing that is half sent. Ours. */
export const IN_FLIGHT_MS = 10_000;
/** Bytes read from a socket at a time. Ours: as many as Node reads. */
export const RECEIVE_BYTES = 64 * KiB;
/** The same of a body of so many bytes or more: parts of large objects. Ours, measured: a twentieth less CPU time for a pull of them. */
export const LONG_RECEIVE_BYTES = 256 * KiB;
export const LONG_BODY_BYTES = 4 * MiB;
/** Bytes of an answer that is read whole: a page of 1,000 objects with the longest names needs a third of it. Ours. */
export const MAX_ANSWER_BYTES = 16 * MiB;
/** Bytes of the headers of an answer: 8 KiB of metadata, and base64 error documents on HEAD. Ours. */
export const MAX_ANSWER_HEADER_BYTES = 64 * KiB;

/** Retries that all requests of a store earn together: this share of the requests, and a start that lets every request in flight be cut off at once, a few times over. */
export const RETRY_BUDGET_SHARE = 0.1;
export const RETRY_BUDGET_START = 200;
/** Checksum differences of one operation in a row after which it fails: something rewrites the bytes. */
export const CHECKSUM_ATTEMPTS = 3;

/** Bytes of one manifest line: the digests of 10,000 parts in base64, 8 KiB of metadata and a path fit four times over. Ours. */
export const MAX_MANIFEST_LINE_BYTES = MiB;
/** Bytes of the globs of a run as JSON, where lists name them: half of the line that keeps them. Ours. */
export const MAX_GLOB_BYTES = MAX_MANIFEST_LINE_BYTES / 2;
/** Bytes of an ignore file, held for each directory on the way down. Ours. */
export const MAX_IGNORE_FILE_BYTES = 512 * KiB;
/** New paths per `started` line, so that it stays below the bound above whatever the names are. Ours. */
export const MAX_PATHS_PER_LINE = 64;
/** Bytes per read while a manifest is replayed: more at a time only makes the collector copy what was parsed. Ours, measured. */
export const MANIFEST_READ_BYTES = 64 * KiB;

/** Difference of clocks that OSS and KMS accept, in milliseconds: OSS (RequestTimeTooSkewed). */
export const MAX_CLOCK_SKEW_MS = 15 * 60_000;
/** Bytes of one PutObject, or of one CopyObject from another bucket: OSS. */
export const MAX_SINGLE_PUT_BYTES = 5 * GiB;
/** Bytes of one CopyObject that changes storage class or server-side encryption: OSS. */
export const MAX_CONVERTED_COPY_BYTES = GiB;
/** Objects per page of a listing that names no number: OSS. */
export const DEFAULT_LIST_OBJECTS = 100;
/** Keys of one multi-delete: OSS. */
export const MAX_DELETE_KEYS = 1000;
/** Bytes of an XML request body that the embedded cloud reads: OSS says 2 MB for a multi-delete. */
export const MAX_XML_BODY_BYTES = 2 * MiB;
/** Bytes of all header lines that the embedded cloud accepts: the metadata limit and as much again. Ours. */
export const LOCAL_HEADER_BYTES = 4 * MAX_METADATA_BYTES;
/** Bodies up to this many bytes are written by the embedded cloud in one synchronous call, larger ones are streamed. Ours. */
export const LOCAL_SMALL_BODY_BYTES = 256 * KiB;
/** Bytes of a plaintext for KMS Encrypt, and of a data key: KMS. */
export const KMS_MAX_PLAINTEXT_BYTES = 6 * KiB;
export const KMS_MAX_DATA_KEY_BYTES = 1024;

/** How long a thread waits at most for another one that writes to the same file, in milliseconds. Ours. */
export const WRITE_PATIENCE_MS = 1000;
/** Bytes of a block of zeros that may become a hole: the blocks of common file systems. */
export const HOLE_BYTES = 4 * KiB;
/** Bytes from which content is written past the cache of the system. Ours, measured. */
export const DIRECT_FROM_BYTES = MiB;
/** Whole blocks are what a disk takes without that cache: no common one has larger ones. */
export const DIRECT_BLOCK_BYTES = 4 * KiB;
/** Bytes of one name in a directory: ext4, XFS, APFS and NTFS alike. */
export const MAX_NAME_BYTES = 255;
/** Entries that the walk looks at before other work gets its turn. Ours: about 2 ms. */
export const WALK_ENTRIES_PER_TURN = 256;
/** Pauses, and milliseconds of each, for which an operation waits for a free file descriptor. Ours: ten seconds. */
export const DESCRIPTOR_WAITS = 200;
export const DESCRIPTOR_WAIT_MS = 50;

/** File descriptors of a process that runs: Node's own and what it was started with, manifest and lock, name resolution, a module that is loaded. Ours, measured: 24 and 8, the rest to spare. */
export const PROCESS_DESCRIPTORS = 40;
/** The least with which a run begins: its modules are read many at a time. Ours, measured: 56. */
export const LEAST_DESCRIPTORS = 64;
/** Of each thread: Node's own. Ours, measured: 4. */
export const THREAD_DESCRIPTORS = 6;
/** Of a thread that starts: its modules are read many at a time. Ours, measured. */
export const MODULE_DESCRIPTORS = 30;
/** Of a request in flight: its socket and its file. */
export const REQUEST_DESCRIPTORS = 2;
/** Below so many there is one thread less rather than fewer requests of each. Ours. */
export const FEWEST_REQUESTS = 16;
/** A limit below which modules are loaded before the first socket, one thread at a time. Ours. */
export const FEW_DESCRIPTORS = 256;

/** Time-out of one KMS call, to connect and to answer, in milliseconds: the client's own default is 3 s. Ours. */
export const KMS_TIMEOUT_MS = 10_000;
/** KMS calls per second of one process: what the shared gateway grants an account for Decrypt. KMS. */
export const DEFAULT_KMS_QPS = 750;
/** Largest --kms-qps: more than any KMS instance grants. Ours. */
export const MAX_KMS_QPS = 100_000;
/** KMS calls in flight per thread; halved by each round of throttling. Ours. */
export const MAX_KMS_CONCURRENCY = 32;
/** Directories that a thread of a pull keeps open, each one file descriptor; no more than it may have requests in flight. Ours. */
export const MAX_OPEN_DIRECTORIES = 32;
/** Bytes after which the embedded cloud begins another file for small objects. Ours. */
export const LOCAL_PACK_BYTES = 64 * MiB;
/** Failures in a row, without one success, after which the other side counts as out of reach and the run stops. Ours. */
export const BREAKER_FAILURES = 20;
/** Pauses before a retry that are worth telling a person about, in milliseconds. Ours. */
export const NOTABLE_PAUSE_MS = 2000;
/** Warnings about the connection are this far apart, in milliseconds. Ours. */
export const NOTICE_INTERVAL_MS = 15_000;
/** Share of --kms-qps that the coordinating thread keeps for large objects; the workers share the rest. Ours. */
export const COORDINATOR_KMS_SHARE = 0.1;
/** How long one thread may keep others waiting for a start block that it unwraps for all of them, in milliseconds. Ours. */
export const START_LEASE_MS = 2 * KMS_TIMEOUT_MS;
/** Temporary credentials are renewed this long before they expire, or after three quarters of what is left of them: milliseconds. Ours. */
export const CREDENTIALS_MARGIN_MS = 5 * 60_000;
/** A security token of unknown expiry is asked for again after this time, in milliseconds. Ours. */
export const CREDENTIALS_RECHECK_MS = 60_000;
/** Pause between attempts to renew credentials that still hold, in milliseconds. Ours. */
export const CREDENTIALS_RETRY_MS = 5_000;
