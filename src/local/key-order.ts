/** Keys in the order of their UTF-8 bytes, sorted when they are asked for and not on every change. */
export class KeyOrder {
  #sorted: string[] = [];
  #added: string[] = [];
  #removed = false;
  #beyondPlain = false;

  add(key: string): void {
    this.#added.push(key);
    this.#beyondPlain ||= BEYOND_PLAIN.test(key);
  }

  /** The key goes at the next {@link sorted} that does not find it alive. */
  remove(): void {
    this.#removed = true;
  }

  /** Every key added that is still `alive`, each once. The array is not changed afterwards. */
  sorted(alive: (key: string) => boolean): readonly string[] {
    if (this.#added.length > 0 || this.#removed) {
      this.#sorted = this.#merge(alive);
      this.#added = [];
      this.#removed = false;
    }
    return this.#sorted;
  }

  #merge(alive: (key: string) => boolean): string[] {
    const order = this.#beyondPlain ? compareKeys : comparePlain;
    const added = this.#added.sort(order);
    const merged: string[] = [];
    const push = (key: string): void => {
      if (key !== merged.at(-1) && alive(key)) {
        merged.push(key);
      }
    };
    let next = 0;
    for (const key of this.#sorted) {
      for (let candidate = added[next]; candidate !== undefined && order(candidate, key) < 0; candidate = added[next]) {
        push(candidate);
        next += 1;
      }
      push(key);
    }
    added.slice(next).forEach(push);
    return merged;
  }
}

/** UTF-16 sorts surrogates below U+E000; UTF-8 does not. Below both, the two orders are one. */
const BEYOND_PLAIN = /[\uD800-\uFFFF]/;

/** Order of the UTF-8 bytes, which is the order of the code points. */
export function compareKeys(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) {
      return rank(x) - rank(y);
    }
  }
  return a.length - b.length;
}

/** Index of the first key that is not `before`; keys that are come first. */
export function firstIndex(keys: readonly string[], before: (key: string) => boolean): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const key = keys[middle];
    [low, high] = key !== undefined && before(key) ? [middle + 1, high] : [low, middle];
  }
  return low;
}

function comparePlain(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** Moves surrogates, which stand for code points above U+FFFF, behind all others. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
