/** The page's style: follows the reader's colour scheme, and works on a phone, with the keyboard and on paper. */
export const STYLE = `
:root { color-scheme: light dark; --page: light-dark(#ffffff, #0f1318); --text: light-dark(#1b2129, #e4e8ee);
  --quiet: light-dark(#566070, #9ba6b4); --line: light-dark(#e1e5eb, #29303a); --soft: light-dark(#f5f7fa, #171c23);
  --link: light-dark(#0a58a8, #84bbff); --get: light-dark(#0a58a8, #84bbff); --post: light-dark(#136a35, #66d98b);
  --change: light-dark(#8a5200, #f0b45c); --delete: light-dark(#b3261e, #ff9d94); --bar: 3.25rem;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
* { box-sizing: border-box; }
html { scroll-padding-top: calc(var(--bar) + 1.25rem); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--text); font: 1rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); text-underline-offset: .15em; }
:is(a, summary, pre):focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .2rem; }
main:focus { outline: none; }
.skip { position: absolute; left: -100vw; z-index: 3; background: var(--page); padding: .5rem 1rem; }
.skip:focus { left: 0; }
.top { position: sticky; top: 0; z-index: 2; display: flex; justify-content: space-between; align-items: center; gap: 1rem;
  height: var(--bar); padding: 0 2rem; background: var(--page); border-bottom: 1px solid var(--line); }
.top p { margin: 0; white-space: nowrap; }
.ways a { padding: .4rem 0; }
.home { color: inherit; font-weight: 650; text-decoration: none; }
.ways { display: flex; gap: 1.25rem; font-size: .9rem; }
.to-contents { display: none; }
.columns { display: grid; grid-template-columns: 18rem minmax(0, 1fr); max-width: 96rem; margin: 0 auto; }
nav { border-right: 1px solid var(--line); font-size: .85rem; line-height: 1.4; }
.contents { position: sticky; top: var(--bar); max-height: calc(100vh - var(--bar)); overflow-y: auto; overscroll-behavior: contain;
  padding: 1.25rem 1rem 2rem 2rem; }
.contents summary { font-weight: 600; cursor: pointer; }
nav p { margin: 1rem 0 .25rem; font-weight: 650; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .2rem .4rem; margin-left: -.4rem; border-radius: .3rem; color: inherit; text-decoration: none; }
nav li a { display: grid; grid-template-columns: 2.9rem minmax(0, 1fr); gap: .4rem; color: var(--quiet); }
nav a:hover { background: var(--soft); color: var(--text); }
nav .method { font-size: .62rem; padding: 0; border: 0; background: none; line-height: 1.9; }
main { padding: 2.5rem 2.5rem 6rem; min-width: 0; }
h1 { font-size: 2.25rem; line-height: 1.15; letter-spacing: -.02em; margin: 0 0 1rem; }
h2 { font-size: 1.6rem; line-height: 1.25; letter-spacing: -.01em; margin: 4.5rem 0 .75rem; }
h3 { font-size: 1.2rem; line-height: 1.35; margin: 0 0 .5rem; }
h4 { font-size: .8rem; letter-spacing: .06em; text-transform: uppercase; color: var(--quiet); margin: 1.75rem 0 .5rem; }
p { margin: .5rem 0; max-width: 44rem; }
.lead { font-size: 1.05rem; }
.anchor { margin-left: .25rem; color: var(--quiet); text-decoration: none; opacity: 0; }
:is(h2, h3):hover .anchor, .anchor:focus-visible { opacity: 1; }
code, pre, var { font-family: var(--mono); font-size: .86em; font-style: normal; }
:is(p, dd) > code, dd span > code { background: var(--soft); border-radius: .25rem; padding: .1em .3em; }
var { color: var(--change); }
figure { margin: 0 0 1rem; border: 1px solid var(--line); border-radius: .5rem; overflow: hidden; background: var(--soft); }
figcaption { padding: .35rem .9rem; font-size: .78rem; color: var(--quiet); border-bottom: 1px solid var(--line); }
pre { margin: 0; padding: .8rem .9rem; overflow: auto; max-height: 30rem; line-height: 1.5; font-size: .8rem; overflow-wrap: normal; tab-size: 2; }
pre:focus-visible { outline-offset: -2px; }
pre code { font-size: inherit; }
pre b { font-weight: 400; color: var(--link); }
.operation { display: grid; gap: 1rem 2.5rem; border-top: 1px solid var(--line); padding: 2rem 0 1.5rem; margin-top: 2rem; }
.operation > * { min-width: 0; }
.route { font-size: 1rem; margin: 0 0 .75rem; }
.route code { font-size: .95rem; background: none; padding: 0; }
.method { display: inline-block; font: 700 .72rem/1.4 var(--mono); letter-spacing: .02em; border: 1px solid currentcolor; border-radius: .3rem;
  padding: .1rem .4rem; margin-right: .25rem; color: var(--post); }
.method.get { color: var(--get); } .method:is(.put, .patch) { color: var(--change); } .method.delete { color: var(--delete); }
.quiet, .who, .type, .note { color: var(--quiet); font-size: .88rem; }
.required { color: var(--change); font-size: .78rem; font-weight: 600; }
.status { font: 600 .85em var(--mono); color: var(--post); }
.refusals .status, .refusal .status { color: var(--delete); margin-right: .35rem; }
.answer { margin: .5rem 0 1rem; }
.answer > p { margin: .2rem 0; }
dl, dd { margin: 0; }
.fields > div { padding: .55rem 0; border-bottom: 1px solid var(--line); }
.fields > div:last-child { border-bottom: 0; }
dt > code { font-weight: 600; }
dd { font-size: .93rem; max-width: 44rem; }
.shape > p:empty { display: none; }
summary { cursor: pointer; }
.fold { font-size: .93rem; }
.fold > summary { color: var(--link); font-size: .85rem; width: fit-content; }
.fold > :not(summary) { border-left: 2px solid var(--line); padding-left: 1rem; margin: .25rem 0 .25rem .15rem; }
.named { border-bottom: 1px solid var(--line); }
.named > summary { padding: .55rem .25rem; }
.named > summary:hover { background: var(--soft); }
.named > summary h3 { display: inline; font-size: 1rem; font-weight: 600; }
.refusal > summary h3 { font-weight: 400; }
.named > div { scroll-margin-top: 2.75rem; padding: .25rem 0 1.5rem 1.1rem; }
@media (min-width: 72rem) {
  .operation { grid-template-columns: minmax(0, 1fr) minmax(0, min(30rem, 42%)); }
  .beside { position: sticky; top: calc(var(--bar) + 1rem); align-self: start; max-height: calc(100vh - var(--bar) - 2rem); overflow-y: auto; }
}
@media (min-width: 56.01rem) {
  @supports selector(::details-content) {
    .contents > summary { display: none; }
    .contents::details-content { content-visibility: visible; block-size: auto; }
  }
}
@media (max-width: 56rem) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .to-contents { display: inline; }
  nav { border-right: 0; font-size: .95rem; }
  .contents { position: static; max-height: none; padding: .75rem 1rem; border-bottom: 1px solid var(--line); }
  nav a { padding: .4rem; }
  .top { padding: 0 1rem; }
  .top .quiet { display: none; }
  main { padding: 1.5rem 1rem 4rem; }
  .named > div { scroll-margin-top: 5.5rem; }
  h1 { font-size: 1.8rem; } h2 { font-size: 1.4rem; margin-top: 3.5rem; }
}
@media print {
  nav, .skip, .ways, .anchor { display: none; }
  .top { position: static; }
  .columns, .operation { display: block; }
  main { padding: 0; }
  body { font-size: 10pt; }
  pre, .beside { max-height: none; overflow: visible; position: static; }
  pre { white-space: pre-wrap; }
  details::details-content { content-visibility: visible; block-size: auto; }
  figure, .fields > div { break-inside: avoid; }
  h2, h3, h4, .route { break-after: avoid; }
}
`;
