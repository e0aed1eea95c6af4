/** Lines as inline SVG; colours are classes c0 … c7 of the page. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface ChartOptions {
  /** Of the numbers below the axis. */
  readonly xUnit: string;
  /** The values of x, each with a dot on the line; otherwise round numbers are below the axis. */
  readonly xMarks?: readonly number[];
  /** The least that the axis reaches up to, for charts that are to be compared. @default 0 */
  readonly yLeast?: number;
  readonly width: number;
}

const HEIGHT = 200;
const LEFT = 52;
/** Half of the last number with its unit is to the right of its mark. */
const RIGHT = 34;
const TOP = 10;
const BOTTOM = 28;
export const COLOURS = 8;

/** Over axes that start at zero. */
export function lineChart(series: readonly Series[], { xUnit, xMarks, yLeast = 0, width }: ChartOptions): string {
  const all = series.flatMap(({ points }) => points);
  const xMax = Math.max(...all.map(([x]) => x), Number.MIN_VALUE);
  const yTicks = ticksTo(Math.max(...all.map(([, y]) => y), yLeast, Number.MIN_VALUE));
  const yMax = yTicks.at(-1) ?? 1;
  const px = (x: number): string => (LEFT + (x / xMax) * (width - LEFT - RIGHT)).toFixed(1);
  const py = (y: number): string => (HEIGHT - BOTTOM - (y / yMax) * (HEIGHT - BOTTOM - TOP)).toFixed(1);
  const grid = yTicks.map((y) => `<path class="grid" d="M${LEFT} ${py(y)}H${width - RIGHT}"/>${label(LEFT - 8, Number(py(y)) + 4, shown(y), 'end')}`);
  const marks = (xMarks ?? ticksTo(xMax).filter((x) => x <= xMax)).map((x, index, { length }) =>
    label(Number(px(x)), HEIGHT - 8, index === length - 1 ? `${shown(x)} ${xUnit}` : shown(x), 'middle'));
  return `<svg viewBox="0 0 ${width} ${HEIGHT}" role="img">${grid.join('')}${marks.join('')}${series.map((one, index) => drawn(one, index, { px, py, isDotted: xMarks !== undefined })).join('')}</svg>`;
}

interface Scale {
  readonly px: (x: number) => string;
  readonly py: (y: number) => string;
  readonly isDotted: boolean;
}

/** Colours come again after the last of them, with dashes. */
function drawn({ points }: Series, index: number, { px, py, isDotted }: Scale): string {
  const colour = index % COLOURS;
  const dots = isDotted ? points.map(([x, y]) => `<circle class="fill c${colour}" cx="${px(x)}" cy="${py(y)}" r="3.5"/>`) : [];
  return `<polyline class="stroke c${colour}"${index < COLOURS ? '' : ' stroke-dasharray="6 4"'} points="${points.map(([x, y]) => `${px(x)},${py(y)}`).join(' ')}"/>${dots.join('')}`;
}

/** 0 and at most five steps of 1, 2 or 5 times a power of ten; the last is at least `max`. */
export function ticksTo(max: number): readonly number[] {
  const power = 10 ** Math.floor(Math.log10(max / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size * 5 >= max) ?? max;
  return Array.from({ length: Math.ceil(max / step - 1e-9) + 1 }, (_, index) => index * step);
}

function shown(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US');
}

function label(x: number, y: number, text: string, anchor: 'middle' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${text}</text>`;
}
