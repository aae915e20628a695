import type { Line, Span } from './terminal-screen.ts';

const CHARACTER_WIDTH = 8.4;
const FONT_SIZE = 14;
const LINE_HEIGHT = 20;
const PADDING = 18;
const TITLE_BAR_HEIGHT = 38;
/** Time that the last screen is shown before the animation begins again. */
const HOLD_MS = 8_000;

interface SvgOptions {
  readonly lines: readonly Line[];
  readonly title: string;
  readonly columns: number;
  /** Lines in the window; with more lines, it scrolls. */
  readonly rows: number;
}

/**
 * Returns a recording as an SVG that CSS alone plays, repeatedly. For a viewer with reduced motion it shows the last
 * screen: that is the default style, which the animation temporarily hides.
 */
export function toAnimatedSvg({ lines, title, columns, rows }: SvgOptions): string {
  const spans = lines.flatMap((line, index) => line.spans.map((span) => ({ ...span, line: index })));
  const endMs = Math.max(...spans.map(({ fromMs }) => fromMs));
  const totalMs = endMs + HOLD_MS;
  const percent = (atMs: number) => `${Number(((atMs / totalMs) * 100).toFixed(2))}%`;

  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * PADDING);
  const shownRows = Math.min(rows, lines.length);
  const height = TITLE_BAR_HEIGHT + shownRows * LINE_HEIGHT + PADDING;
  const lastOffset = (lines.length - shownRows) * LINE_HEIGHT;

  const animations = new Map<string, { name: string; frames: string }>();
  const animate = ({ fromMs, toMs }: Span): string => {
    const key = `${percent(fromMs)} ${toMs === null ? '' : percent(toMs)}`;
    const known = animations.get(key);
    if (known !== undefined) return known.name;
    const name = `a${animations.size.toString(36)}`;
    const appears =
      fromMs === 0 ? '0%{visibility:visible}' : `0%{visibility:hidden}${percent(fromMs)}{visibility:visible}`;
    const vanishes = toMs === null ? '' : `${percent(toMs)}{visibility:hidden}`;
    animations.set(key, { name, frames: appears + vanishes });
    return name;
  };

  const texts = spans.map((span) => {
    const classes = [animate(span), span.style, span.toMs === null ? '' : 'gone'].filter(Boolean).join(' ');
    const x = round(span.column * CHARACTER_WIDTH);
    // With any font, a text takes the width of its columns.
    const length = round(Array.from(span.text).length * CHARACTER_WIDTH);
    return `<text x="${x}" y="${span.line * LINE_HEIGHT}" textLength="${length}" class="${classes}">${escapeXml(span.text)}</text>`;
  });
  const scrolls = lines
    .slice(shownRows)
    .map((line, index) => `${percent(line.reachedAtMs)}{transform:translateY(-${(index + 1) * LINE_HEIGHT}px)}`);

  const css = [
    `text{font:${FONT_SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;fill:#d1d7e0;white-space:pre}`,
    '.bold{font-weight:700;fill:#f0f3f6}.dim{fill:#9198a1}.red{fill:#ff7b72}.green{fill:#3fb950}.yellow{fill:#d29922}.cyan{fill:#56d4dd}',
    '.title{fill:#9198a1;text-anchor:middle}.gone{visibility:hidden}',
    `#screen{transform:translateY(-${lastOffset}px)}`,
    `@media (prefers-reduced-motion:no-preference){#screen,#screen text{animation:scroll ${(totalMs / 1_000).toFixed(2)}s step-end infinite}`,
    ...[...animations.values()].map(({ name }) => `#screen .${name}{animation-name:${name}}`),
    '}',
    `@keyframes scroll{0%{transform:translateY(0)}${scrolls.join('')}}`,
    ...[...animations.values()].map(({ name, frames }) => `@keyframes ${name}{${frames}}`),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeXml(title)}, recorded in a terminal">
<title>${escapeXml(title)}</title>
<style>${css.join('\n')}</style>
<rect x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="10" fill="#0d1117" stroke="#3d444d"/>
<circle cx="20" cy="19" r="6" fill="#ff5f57"/><circle cx="40" cy="19" r="6" fill="#febc2e"/><circle cx="60" cy="19" r="6" fill="#28c840"/>
<text class="title" x="${width / 2}" y="24">${escapeXml(title)}</text>
<svg x="${PADDING}" y="${TITLE_BAR_HEIGHT}" width="${width - 2 * PADDING}" height="${shownRows * LINE_HEIGHT + 4}"><g transform="translate(0 ${FONT_SIZE + 1})"><g id="screen">
${texts.join('\n')}
</g></g></svg>
</svg>
`;
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
