/** Where the examples work. Start `sealift local` in another terminal and export what it prints, or use an account of yours. */
export const bucketName = read('OSS_BUCKET', 'sealift');
export const endpoint = read('OSS_ENDPOINT');
export const region = read('OSS_REGION', 'cn-hangzhou');
export const credentials = { accessKeyId: read('OSS_ACCESS_KEY_ID'), accessKeySecret: read('OSS_ACCESS_KEY_SECRET') };
/** Private RSA key (PEM), made with `sealift keys create FILE`. */
export const keyFile = read('SEALIFT_KEY', 'master.key');

export function read(name: string, fallback?: string): string {
  const value = process.env[name] ?? fallback;
  if (value === undefined) {
    throw new Error(`set ${name}`);
  }
  return value;
}
