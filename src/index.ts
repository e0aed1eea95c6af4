/**
 * Sealift moves directories into encrypted Alibaba Cloud OSS, and back. Every operation of the command line is a function
 * here, with typed options, progress events, an AbortSignal and a typed result.
 *
 * @packageDocumentation
 */
export { push } from './run/push.js';
export { pull } from './run/pull.js';
export { rewrap } from './run/rewrap.js';
export { verify } from './run/verify.js';
export { ThreadPool, type ThreadPoolOptions } from './run/threads/thread-pool.js';
export type {
  Credentials, CredentialsProvider, FileFailure, IfExists, PullOptions, PushOptions, RewrapOptions, RunResult, StoreTarget, TransferOptions, Tuning, VerifyOptions,
} from './run/options.js';
export type {
  Counters, Effective, EventListener, FileEvent, FileState, NoticeEvent, ProgressEvent, RunEvent, SkipReason, SkipReasons, StartEvent, SummaryEvent,
} from './run/events.js';
export { CryptoBucket } from './bucket/crypto-bucket.js';
export { KmsProvider, type KmsProviderOptions } from './bucket/kms-provider.js';
export type {
  CryptoBucketOptions, GetObjectOptions, GetObjectToFileOptions, HeadObjectResult, ListedObjectInformation, ObjectContent, ObjectInformation, ObjectProgress,
  OpenedObject, OperationOptions, PutObjectOptions, PutObjectResult, SavedObject,
} from './bucket/options.js';
export type { CryptoProvider, ProviderContext } from './bucket/provider.js';
export type { Attributes } from './envelope/envelope.js';
export type { EnvelopeFamily, IssuedKey, KeyUnwrapper, KeyWrapper, UnwrappedKeys, WrapAlgorithm, WrappedKeys } from './keys/wrapper.js';
export { RsaProvider, type KeyMaterial, type RsaProviderOptions } from './bucket/rsa-provider.js';
export { createRsaKey, loadRsaKey, saveRsaKey, type CreateOptions, type LoadOptions, type SaveOptions } from './keys/key-files.js';
export type { KmsFlavour, KmsKey } from './keys/kms.js';
export type { KmsCredentials } from './keys/kms-client.js';
export { Passphrase } from './keys/passphrase.js';
export type { MasterKey } from './keys/master-key.js';
export type { RsaKey } from './keys/rsa.js';
export type { EntryState } from './manifest/file-index.js';
export type { OpenRecord } from './manifest/record.js';
export { summarize, type RecordedFailure, type RunSummary, type UnfinishedFile } from './manifest/summary.js';
export {
  startLocalCloud, type Fault, type FaultPlan, type LocalCloud, type LocalCloudOptions, type RequestInfo, type RequestLog, type RequestRecord, type TemporaryCredentials,
} from './local/cloud.js';
export type { EncodedPath } from './run/types.js';
export type { ByteRange, StorageClass } from './store/store.js';
export {
  AuthenticationError, EnvelopeError, KmsError, MasterKeyError, SealiftError, StoreError, UnauthenticatedObjectError, isSealiftError,
  type Cause, type ErrorCode, type Failure,
} from './errors.js';
