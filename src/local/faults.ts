/** What a fault plan and the request log are told about a request. */
export interface RequestInfo {
  readonly service: 'oss' | 'kms';
  /** Counts the requests of a server from 1, those refused for their signature included. */
  readonly sequence: number;
  /** As OSS and KMS call it: `PutObject`, `UploadPart`, `GenerateDataKey` … */
  readonly operation: string;
  readonly method: string;
  /** Empty for requests without a bucket. */
  readonly bucket: string;
  /** Empty for requests without an object. */
  readonly key: string;
  /** Empty for KMS, whose parameters are secrets. */
  readonly query: Readonly<Record<string, string>>;
  readonly uploadId?: string;
  readonly partNumber?: number;
  readonly accessKeyId: string;
}

/** What goes wrong with a request. */
export type Fault =
  /** Reads the body, does nothing and answers this. A `code` makes an error document; `body` replaces it. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Cuts the connection after so many bytes of the request body: at once unless told otherwise. */
  | { readonly kind: 'reset'; readonly afterBytes?: number }
  /** Reads so many bytes of the request body and then nothing more, until the client or the server gives up: none unless told otherwise. */
  | { readonly kind: 'stall'; readonly afterBytes?: number }
  /** Does what was asked and cuts the connection after so many bytes of the answer's body. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Does what was asked and cuts the connection instead of answering. */
  | { readonly kind: 'lose-answer' }
  /** Does what was asked and says these checksums in the answer. */
  | { readonly kind: 'wrong-checksums'; readonly etag?: string; readonly crc64?: string }
  /** Waits before it does what was asked. */
  | { readonly kind: 'delay'; readonly ms: number };

/** Consulted once per request whose signature is right; undefined means that all goes well. */
export type FaultPlan = (request: RequestInfo) => Fault | undefined;
