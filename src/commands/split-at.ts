/** The bytes between separators, from an offset on; what follows the last one too, unless it is nothing. */
export function* splitAt(bytes: Buffer, separator: number, from = 0): Generator<Buffer> {
  for (let start = from; start < bytes.length; ) {
    const found = bytes.indexOf(separator, start);
    const end = found === -1 ? bytes.length : found;
    yield bytes.subarray(start, end);
    start = end + 1;
  }
}
