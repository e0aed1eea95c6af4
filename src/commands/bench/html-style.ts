/** The look of the page. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b222c; --soft: #596372; --paper: #fff; --line: #e1e5ea; --label: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7eaf0; --soft: #9aa5b5; --paper: #14181f; --line: #2b323d; --label: #10141a; } }
body { margin: 0 auto; max-width: 66rem; padding: 2.5rem 1.25rem; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } p, figcaption, footer { color: var(--soft); max-width: 52rem; } p { margin: .25rem 0; }
figcaption strong { color: var(--ink); font-size: 1.05rem; }
.wide { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .87rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: .35rem .5rem; border-bottom: 1px solid var(--line); text-align: right; }
thead th { color: var(--soft); font-weight: 500; } th:first-child { text-align: left; padding-left: 0; } tbody th { font-weight: 500; white-space: normal; min-width: 13rem; }
figure { margin: 2.5rem 0; } .grid2 { display: grid; grid-template-columns: repeat(auto-fill, minmax(22rem, 1fr)); gap: 1rem 1.5rem; margin-top: .75rem; }
h2 { font-size: .87rem; font-weight: 500; margin: 0 0 .25rem; } svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; } .grid { stroke: var(--line); fill: none; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: .6rem 0 .8rem; padding: 0; font-size: .87rem; }
.legend i { display: inline-block; width: .75rem; height: .75rem; border-radius: 2px; margin-right: .4rem; background: var(--c); }
.bars { display: grid; grid-template-columns: minmax(12rem, max-content) 1fr; gap: .35rem 1rem; align-items: center; font-size: .87rem; margin-top: .75rem; }
.bars span { max-width: 24rem; } .bars div { display: flex; height: 1.35rem; border-radius: 3px; overflow: hidden; background: var(--line); }
.bars b { background: var(--c); color: var(--label); font: 500 .72rem/1.35rem system-ui, sans-serif; text-align: center; overflow: hidden; }
.c0 { --c: #2f6fc9; } .c1 { --c: #c8701a; } .c2 { --c: #23865a; } .c3 { --c: #a4408f; } .c4 { --c: #6a5ce0; } .c5 { --c: #7a8797; } .c6 { --c: #a08a0c; } .c7 { --c: #56606e; }
@media (prefers-color-scheme: dark) { .c0 { --c: #6ea8ff; } .c1 { --c: #f0a04b; } .c2 { --c: #5cc795; } .c3 { --c: #e08bd0; } .c4 { --c: #a79cff; } .c5 { --c: #98a3b3; } .c6 { --c: #d9c24a; } .c7 { --c: #c4ccd6; } }
.fill { fill: var(--c); } .stroke { stroke: var(--c); fill: none; stroke-width: 2; stroke-linejoin: round; }`;
