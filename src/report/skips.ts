/** Why entries were skipped, in words. */
import type { SkipReason, SkipReasons } from '../run/events.js';
import { formatCount } from './format.js';

const WORDS: Readonly<Record<SkipReason, readonly [one: string, many: string]>> = {
  'unchanged': ['unchanged', 'unchanged'],
  'exists': ['there already', 'there already'],
  'symlink': ['symbolic link, not followed', 'symbolic links, not followed'],
  'special': ['pipe, socket or device', 'pipes, sockets or devices'],
  'excluded': ['excluded', 'excluded'],
  'own-file': ['file of Sealift itself', 'files of Sealift itself'],
  'empty-directory': ['empty directory', 'empty directories'],
  'same-key': ['under this master key already', 'under this master key already'],
};

/** One line, `skipped: 198 unchanged; 1 empty directory`; none for none. */
export function skipLines(reasons: SkipReasons = {}): string[] {
  const words = skipWords(reasons);
  return words === '' ? [] : [`skipped: ${words}`];
}

/** `198 unchanged; 1 empty directory`; an empty string for none. */
export function skipWords(reasons: SkipReasons): string {
  return (Object.keys(WORDS) as SkipReason[]).flatMap((reason) => {
    const count = reasons[reason] ?? 0;
    return count === 0 ? [] : [`${formatCount(count)} ${WORDS[reason][count === 1 ? 0 : 1]}`];
  }).join('; ');
}
