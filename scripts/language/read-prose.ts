import { parseSync, Visitor } from 'oxc-parser';

/** A piece of text that people read, and where it stands. */
export interface Prose {
  readonly line: number;
  readonly kind: 'comment' | 'string' | 'title' | 'document' | 'heading';
  readonly text: string;
}

const TITLED = new Set(['describe', 'it', 'test']);
/** Comments that tools read. */
const DIRECTIVE = /^\s*(?:@|#|\/|oxlint|eslint|prettier|v8 ignore|c8 |\/)/;

/** Comments, strings and test titles of a TypeScript file. Line comments that follow each other are one comment. */
export function readCode(file: string, source: string): Prose[] {
  const { program, comments } = parseSync(file, source);
  const lineOf = toLineFinder(source);
  const prose: Prose[] = [];

  for (const comment of comments) {
    const text = comment.type === 'Line' ? comment.value.trim() : cleanBlock(comment.value);
    if (DIRECTIVE.test(comment.value.trimStart()) && comment.type === 'Line') continue;
    const last = prose.at(-1);
    const between = last === undefined ? null : source.slice(ends.get(last), comment.start);
    if (comment.type === 'Line' && last !== undefined && between !== null && /^\n[ \t]*$/.test(between)) {
      const joined = { ...last, text: `${last.text}\n${text}` };
      prose[prose.length - 1] = joined;
      ends.set(joined, comment.end);
    } else {
      const piece: Prose = { line: lineOf(comment.start), kind: 'comment', text };
      prose.push(piece);
      ends.set(piece, comment.type === 'Line' ? comment.end : -1);
    }
  }

  const titles = new Set<number>();
  new Visitor({
    CallExpression(node) {
      const [first] = node.arguments;
      if (first !== undefined && TITLED.has(calledName(node.callee) ?? '')) titles.add(first.start);
    },
    Literal(node) {
      if (typeof node.value === 'string') add(node.start, node.value);
    },
    TemplateLiteral(node) {
      add(node.start, node.quasis.map(({ value }) => value.cooked ?? value.raw).join('…'));
    },
  }).visit(program);
  return prose;

  function add(start: number, text: string): void {
    if (/\s/.test(text.trim())) prose.push({ line: lineOf(start), kind: titles.has(start) ? 'title' : 'string', text });
  }
}

const ends = new WeakMap<Prose, number>();

/** `test`, of `test(…)`, `test.each(…)(…)` and `test.skipIf(…)(…)`. */
function calledName(callee: unknown): string | null {
  const node = callee as { type: string; name?: string; object?: unknown; callee?: unknown };
  if (node.type === 'Identifier') return node.name ?? null;
  if (node.type === 'MemberExpression') return calledName(node.object);
  return node.type === 'CallExpression' ? calledName(node.callee) : null;
}

/** A Markdown document's paragraphs, list items, headings and cells. Code is left out. */
export function readMarkdown(source: string): Prose[] {
  const prose: Prose[] = [];
  let isCode = false;
  let paragraph: { line: number; lines: string[] } | null = null;
  const flush = () => {
    if (paragraph !== null)
      prose.push({ line: paragraph.line, kind: 'document', text: withoutCode(paragraph.lines.join('\n')) });
    paragraph = null;
  };
  for (const [index, raw] of source.split('\n').entries()) {
    const line = raw.trim();
    if (line.startsWith('```')) {
      flush();
      isCode = !isCode;
    } else if (isCode || line === '') {
      flush();
    } else if (line.startsWith('|')) {
      flush();
      for (const cell of line.split('|'))
        prose.push({ line: index + 1, kind: 'document', text: withoutCode(cell.trim()) });
    } else if (line.startsWith('#')) {
      flush();
      prose.push({ line: index + 1, kind: 'heading', text: withoutCode(line.replace(/^#+ /, '')) });
    } else if (/^(?:[-*] |\d+\. |>)/.test(line)) {
      flush();
      paragraph = { line: index + 1, lines: [line.replace(/^(?:[-*] |\d+\. |> ?)+/, '')] };
    } else {
      paragraph ??= { line: index + 1, lines: [] };
      paragraph.lines.push(line);
    }
  }
  flush();
  return prose;
}

function withoutCode(text: string): string {
  return text.replaceAll(/`[^`]*`/g, '`…`').replaceAll('**', '');
}

function cleanBlock(value: string): string {
  return value
    .replace(/^\*+/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, ''))
    .join('\n')
    .trim();
}

function toLineFinder(source: string): (offset: number) => number {
  const starts = [0];
  for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
