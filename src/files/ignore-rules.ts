import ignore from 'ignore';
import type { EncodedPath } from '../run/types.js';
import { textOf } from './selection.js';

/** The rules of one ignore file. */
interface Level {
  /** What to take off a path, so that it begins in the directory of the file. */
  readonly from: number;
  rules: ignore.Ignore;
  /** How often they were asked since they were made. */
  asked: number;
}

/** The package keeps each answer for ever. */
const ANSWERS_KEPT = 1000;
const SPECIAL = /[\\*?[\] ]/g;

/**
 * What the ignore files from the root of a walk down to a directory say about what lies below it, as Git has it: the last line
 * that matches decides, lines of a deeper file come later, and nothing below a directory that is left out is asked about.
 * Letter case counts.
 */
export class IgnoreRules {
  readonly #levels: readonly Level[];

  constructor(levels: readonly Level[] = []) {
    this.#levels = levels;
  }

  /** Together with the text of the file in `directory`, an empty path for the root. */
  and(directory: EncodedPath | '', text: string): IgnoreRules {
    const from = directory === '' ? 0 : textOf(directory).length + 1;
    return new IgnoreRules([...this.#levels, levelOf(from, ignore({ ignorecase: false }).add(text))]);
  }

  /** For what lies below a directory that is not left out. */
  below(directory: EncodedPath): IgnoreRules {
    const path = `${textOf(directory)}/`;
    return this.#levels.some((level) => ask(level, path).ignored) ? new IgnoreRules(this.#levels.map((level) => keeping(level, path))) : this;
  }

  leavesOut(path: EncodedPath, isDirectory: boolean): boolean {
    const text = isDirectory ? `${textOf(path)}/` : textOf(path);
    for (let index = this.#levels.length - 1; index >= 0; index -= 1) {
      const level = this.#levels[index];
      const answer = level && ask(level, text);
      if (answer?.ignored === true || answer?.unignored === true) {
        return answer.ignored;
      }
    }
    return false;
  }
}

/** A directory that a deeper file has brought back: the package would leave out whatever is in it. */
function keeping(level: Level, directory: string): Level {
  if (!ask(level, directory).ignored) {
    return level;
  }
  const name = directory.slice(level.from).replaceAll(SPECIAL, '\\$&');
  return levelOf(level.from, renewed(level.rules).add({ pattern: `!/${name}` }));
}

function ask(level: Level, path: string): ReturnType<ignore.Ignore['test']> {
  level.asked += 1;
  if (level.asked % ANSWERS_KEPT === 0) {
    level.rules = renewed(level.rules);
  }
  return level.rules.test(path.slice(level.from));
}

function renewed(rules: ignore.Ignore): ignore.Ignore {
  return ignore({ ignorecase: false }).add(rules);
}

function levelOf(from: number, rules: ignore.Ignore): Level {
  return { from, rules, asked: 0 };
}
