/** Two bars on a terminal: files and bytes. */
import { MultiBar, type SingleBar } from 'cli-progress';
import { etaText, rateText, settled, type Display } from './display.js';
import { formatBytes, formatCount } from './format.js';
import type { Progress } from './progress.js';

const REDRAWS_PER_SECOND = 8;
const BAR_COLUMNS = 20;

/** The bars leave nothing behind but the lines written through `line`. */
export function createBarDisplay(terminal: NodeJS.WriteStream, label: string): Display {
  const bars = new MultiBar({
    format: `  {name} {bar} {text}`,
    stream: terminal,
    fps: REDRAWS_PER_SECOND,
    barsize: BAR_COLUMNS,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    // A hidden cursor would stay hidden after a kill.
    hideCursor: false,
    // Signals belong to the command line, which lets requests in flight finish first.
    gracefulExit: false,
    clearOnComplete: true,
    emptyOnZero: true,
    // Cut lines instead of turning wrapping off: a kill would leave it off.
    linewrap: true,
  });
  const files = bars.create(0, 0, { name: `${label} files`.padEnd(11), text: 'looking' });
  const bytes = bars.create(0, 0, { name: `${label} bytes`.padEnd(11), text: '' });
  return {
    update: (progress) => {
      draw(files, { value: settled(progress), total: progress.scanned, text: filesText(progress) });
      draw(bytes, { value: progress.movedBytes, total: progress.wantedBytes, text: bytesText(progress) });
    },
    line: (text) => bars.log(`${text}\n`),
    stop: () => {
      // Lines wait for the next redraw, and the library would forget those that still do.
      bars.update();
      bars.stop();
    },
  };
}

function draw(bar: SingleBar, { value, total, text }: { value: number; total: number; text: string }): void {
  bar.setTotal(total);
  bar.update(Math.min(value, total), { text });
}

function filesText(progress: Progress): string {
  const more = progress.scanning ? '+' : '';
  const failed = progress.failed === 0 ? '' : `  ${formatCount(progress.failed)} failed`;
  return `${formatCount(settled(progress))} / ${formatCount(progress.scanned)}${more}  ${progress.filesPerSecond.toFixed(0)}/s${failed}`;
}

function bytesText(progress: Progress): string {
  const more = progress.scanning ? '+' : '';
  return `${formatBytes(progress.movedBytes)} / ${formatBytes(progress.wantedBytes)}${more}  ${rateText(progress)}  ${etaText(progress)}`;
}
