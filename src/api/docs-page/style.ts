/** The page's style: in the reader's colours, for a phone, for the keyboard and on paper. */
export const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d5d9e0, #3a414d); --soft: light-dark(#f4f5f7, #1b2027);
  --quiet: light-dark(#56606e, #a3adba); --link: light-dark(#0b5cad, #7db7ff); --good: light-dark(#116329, #6fdd8b);
  --text: light-dark(#1a1f26, #e7eaef); --page: light-dark(#ffffff, #12161b); }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
main:focus { outline: none; }
.skip { position: absolute; left: -100vw; background: var(--page); padding: .5rem 1rem; }
.skip:focus { left: 0; }
.top { display: flex; justify-content: space-between; gap: 1rem; padding: 0 1.5rem; border-bottom: 1px solid var(--line); }
.columns { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 78rem; margin: 0 auto; }
nav { padding: 1rem 1.5rem; font-size: .9rem; }
.contents { position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow-y: auto; }
.contents summary { font-weight: 600; }
nav p { margin: .8rem 0 .2rem; font-weight: 600; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { padding: .1rem 0; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
main { padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; }
h2 { font-size: 1.5rem; margin-top: 3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1.15rem; margin-bottom: .3rem; }
h4 { margin: 1.2rem 0 .3rem; }
p { margin: .4rem 0; max-width: 46rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: .4rem; padding: .8rem; overflow-x: auto; max-height: 26rem;
  overflow-wrap: normal; }
.operation, .schema { border-top: 1px solid var(--line); padding: .6rem 0 1rem; margin-top: 1.5rem; }
.route { font-size: 1.05rem; }
.method { font: 600 .8rem/1 ui-monospace, monospace; border: 1px solid var(--line); background: var(--soft); border-radius: .3rem;
  padding: .2rem .4rem; }
.quiet, .who, .type, .note { color: var(--quiet); font-size: .9rem; }
.required { color: var(--text); font-size: .8rem; border: 1px solid var(--line); border-radius: .3rem; padding: 0 .3rem; }
.status { font-family: ui-monospace, monospace; font-weight: 600; }
.answer { border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .8rem; margin: .4rem 0; }
.answer summary { cursor: pointer; padding: .2rem 0; }
dl { margin: .4rem 0; }
dd { margin: 0 0 .5rem 1.2rem; }
.fields .fields { border-left: 2px solid var(--line); padding-left: .8rem; }
@media (max-width: 56rem) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .contents { position: static; max-height: 50vh; border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .8rem; }
  nav, main, .top { padding-left: 1rem; padding-right: 1rem; }
}
@media print {
  nav, .skip { display: none; }
  .columns { display: block; }
  pre { max-height: none; white-space: pre-wrap; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .operation { break-inside: auto; }
  h2, h3, h4 { break-after: avoid; }
}
`;
