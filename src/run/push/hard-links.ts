import type { Tally } from '../tally.js';
import type { SourceFile } from '../types.js';

/** Counts names, not files: to tell which of them belong together would take memory for every one. */
export class HardLinks {
  #names = 0;

  saw({ links }: Pick<SourceFile, 'links'>): void {
    if (links > 1) {
      this.#names += 1;
    }
  }

  /** At the end of the walk; silent where there were none. */
  tell(tally: Pick<Tally, 'notice'>): void {
    if (this.#names > 0) {
      tally.notice('info', `hard links under ${this.#names} name${this.#names === 1 ? '' : 's'}: the content is sent for each, and each comes back as a file of its own`);
    }
  }
}
