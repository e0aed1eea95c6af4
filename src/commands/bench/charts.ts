/** Charts as inline SVG; colours are classes c0 … c7 of the page. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const WIDTH = 860;
const HEIGHT = 240;
const LEFT = 60;
const BOTTOM = 30;
const LINE = 20;
const BAR_LEFT = 330;
const COLOURS = 8;

/** Lines over a common pair of axes that start at zero. */
export function lineChart(series: readonly Series[], unit: string): string {
  const all = series.flatMap(({ points }) => points);
  const maxX = Math.max(...all.map(([x]) => x), Number.MIN_VALUE);
  const maxY = Math.max(...all.map(([, y]) => y), Number.MIN_VALUE);
  const px = (x: number): string => (LEFT + (x / maxX) * (WIDTH - LEFT - 10)).toFixed(1);
  const py = (y: number): string => (HEIGHT - BOTTOM - (y / maxY) * (HEIGHT - BOTTOM - 10)).toFixed(1);
  const lines = series.map(({ points }, index) => `<polyline class="stroke c${index % COLOURS}" points="${points.map(([x, y]) => `${px(x)},${py(y)}`).join(' ')}"/>`);
  const axes = `<path class="axis" fill="none" d="M${LEFT} 5V${HEIGHT - BOTTOM}H${WIDTH}"/>\
${label(LEFT - 6, 15, round(maxY), 'end')}${label(LEFT - 6, HEIGHT - BOTTOM, '0', 'end')}${label(WIDTH - 10, HEIGHT - 10, `${round(maxX)} ${unit}`, 'end')}`;
  return svg(HEIGHT + series.length * LINE, axes + lines.join('') + legend(series.map(({ name }) => name), HEIGHT));
}

/** One bar per value, 0 to `max`. */
export function barChart(bars: readonly { readonly name: string; readonly value: number }[], max: number): string {
  const rows = bars.map(({ name, value }, index) => {
    const y = index * LINE * 1.5;
    const width = (value / max) * (WIDTH - BAR_LEFT - 60);
    return `${label(BAR_LEFT - 8, y + 15, name, 'end')}<rect class="fill c0" x="${BAR_LEFT}" y="${y}" width="${width.toFixed(1)}" height="${LINE}"/>${label(BAR_LEFT + width + 6, y + 15, `${(value * 100).toFixed(0)} %`, 'start')}`;
  });
  return svg(bars.length * LINE * 1.5, rows.join(''));
}

/** One bar per name, made of shares that sum up to one. */
export function stackChart(bars: readonly { readonly name: string; readonly values: readonly number[] }[], parts: readonly string[]): string {
  const height = bars.length * LINE * 1.5;
  const rows = bars.map(({ name, values }, index) => {
    const y = index * LINE * 1.5;
    let x = BAR_LEFT;
    const rects = values.map((value, part) => {
      const width = value * (WIDTH - BAR_LEFT - 10);
      const rect = `<rect class="fill c${part % COLOURS}" x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${LINE}"/>`;
      x += width;
      return rect;
    });
    return label(BAR_LEFT - 8, y + 15, name, 'end') + rects.join('');
  });
  return svg(height + parts.length * LINE, rows.join('') + legend(parts, height));
}

function legend(names: readonly string[], top: number): string {
  return names.map((name, index) => {
    const y = top + index * LINE + 4;
    return `<rect class="fill c${index % COLOURS}" x="${LEFT}" y="${y}" width="12" height="12"/>${label(LEFT + 20, y + 11, name, 'start')}`;
  }).join('');
}

function svg(height: number, content: string): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height + 10}" width="${WIDTH}" role="img">${content}</svg>`;
}

function label(x: number, y: number, text: string, anchor: 'start' | 'end'): string {
  const safe = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${safe}</text>`;
}

function round(value: number): string {
  return value >= 10 ? value.toFixed(0) : value.toPrecision(2);
}
