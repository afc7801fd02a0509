/** The page's style: light or dark as the reader's system is, one column on a phone. */
export const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --quiet: #5a5a5a; }
@media (prefers-color-scheme: dark) { :root { --quiet: #a8a8a8; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1060px; margin: 0 auto; padding: 1rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 1rem 0 0; } h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
p { max-width: 46rem; margin: .5rem 0; } small, .quiet { color: var(--quiet); font-size: .85em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .4rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } th { font-weight: 600; }
tbody th { font-weight: 400; } tr.mean > * { font-weight: 600; border-top: 2px solid var(--line); } tr.defect th { padding-left: 1.6rem; }
td small { display: block; font-size: .75em; font-weight: 400; }
.row { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; } figcaption { font-size: .85rem; }
.plot svg { max-width: 100%; height: auto; display: block; }
.example { border: 1px solid var(--line); border-radius: 6px; padding: .5rem; width: 342px; max-width: 100%; box-sizing: border-box; }
.example .pictures { display: grid; grid-template-columns: repeat(3, 1fr); gap: 3px; }
.example img { outline: 1px solid var(--line); outline-offset: -1px; width: 100%; display: block; border-radius: 3px; background: var(--soft); }
.example figcaption { font-size: .78rem; overflow-wrap: anywhere; margin-top: .35rem; line-height: 1.35; }
.legend { display: flex; align-items: center; gap: .5rem; font-size: .85rem; }
.legend img { width: 160px; height: 12px; border-radius: 3px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; } dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
details > summary { cursor: pointer; }
`;
