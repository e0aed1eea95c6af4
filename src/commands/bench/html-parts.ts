/** Pieces of the page: tables, legends and bars, all of them text and boxes. */
import { COLOURS } from './line-chart.js';

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Titles and cells are text. The first column names the row. */
export function table(titles: readonly string[], lines: readonly (readonly string[])[]): string {
  const head = titles.map((title) => `<th scope="col">${escapeHtml(title)}</th>`).join('');
  const body = lines.map(([name = '', ...cells]) => `<tr><th scope="row">${escapeHtml(name)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`).join('');
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

export function figure(title: string, note: string, ...content: readonly string[]): string {
  return `<figure><figcaption><strong>${escapeHtml(title)}</strong>${note === '' ? '' : `<br>${escapeHtml(note)}`}</figcaption>${content.join('')}</figure>`;
}

export function legend(names: readonly string[]): string {
  return `<ul class="legend">${names.map((name, index) => `<li><i class="c${index % COLOURS}"></i>${escapeHtml(name)}</li>`).join('')}</ul>`;
}

/** One bar per name, made of shares of one; those with room for it carry their percentage. */
export function bars(rows: readonly { readonly name: string; readonly shares: readonly number[] }[]): string {
  return `<div class="bars">${rows.map(({ name, shares }) => `<span>${escapeHtml(name)}</span><div>${shares.map(box).join('')}</div>`).join('')}</div>`;
}

/** Below this share there is no room for a number in the box. */
const READABLE = 0.04;

function box(share: number, index: number): string {
  const percent = (share * 100).toFixed(0);
  return `<b class="c${index % COLOURS}" style="width:${(share * 100).toFixed(2)}%" title="${percent} %">${share >= READABLE ? percent : ''}</b>`;
}
