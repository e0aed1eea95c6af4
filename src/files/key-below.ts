/** How the object of a path is called, also where no object can have that key: for events and reports. `prefix` is normalized. */
export function keyBelow(prefix: string, path: string): string {
  return prefix === '' ? path : `${prefix}/${path}`;
}
