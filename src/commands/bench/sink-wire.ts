/** What the halves of the sink hand each other: requests as they were read, objects as they are kept. */
export interface SinkSettings {
  readonly keepsBodies: boolean;
  readonly withMd5: boolean;
  /** From the last byte of a request to the first of its answer, at least. */
  readonly latencyMs: number;
}

export interface SinkHead {
  readonly method: string;
  /** Without the bucket, still percent-encoded; empty for the bucket itself. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bodyBytes: number;
}

/** Written in turn. */
export type SinkAnswer = readonly (Buffer | string)[];

/** An object, or a part of one to be. */
export interface Kept {
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
  readonly crc64: bigint;
  readonly etag: string;
  /** `x-oss-meta-…` and `x-amz-meta-…` lines, each with its line end. */
  readonly metadata: string;
}
