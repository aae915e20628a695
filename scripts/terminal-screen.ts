/** A piece of a terminal's output, and its time. */
export interface Chunk {
  readonly atMs: number;
  readonly text: string;
}

/** Text in one style on a line, for some time. */
export interface Span {
  readonly column: number;
  readonly text: string;
  readonly style: Style;
  readonly fromMs: number;
  /** Null when it is still visible at the end. */
  readonly toMs: number | null;
}

/** A line of the whole recording, including lines that have scrolled out of the window. */
export interface Line {
  /** Time when the cursor first reached the line. */
  readonly reachedAtMs: number;
  readonly spans: readonly Span[];
}

/** Names of classes, such as `dim`, joined by spaces. */
export type Style = string;

interface Cell {
  readonly character: string;
  readonly style: Style;
  readonly fromMs: number;
}

interface Row {
  readonly reachedAtMs: number;
  cells: Cell[];
  readonly spans: Span[];
}

const ESCAPE = String.fromCharCode(27);
/** A control sequence with its parameters and its command, a move to another line or place, or a character. */
const PIECES = new RegExp(`${ESCAPE}\\[([\\d;]*)([A-Za-z])|[^]`, 'gu');
const STYLES: Readonly<Record<string, Style>> = {
  1: 'bold',
  2: 'dim',
  31: 'red',
  32: 'green',
  33: 'yellow',
  36: 'cyan',
};

/**
 * Plays the output of a terminal, and returns the text of each place and time. Supports the sequences that the demo
 * uses: colours, carriage return, erasing a line.
 * @throws {Error} at an unknown control sequence, rather than show it wrong.
 */
export function playRecording(chunks: readonly Chunk[], { columns }: { columns: number }): Line[] {
  const rows: Row[] = [];
  let column = 0;
  let styles = new Set<Style>();

  const rowAt = (atMs: number) => rows.at(-1) ?? newRow(atMs);
  function newRow(atMs: number): Row {
    const row: Row = { reachedAtMs: atMs, cells: [], spans: [] };
    rows.push(row);
    column = 0;
    return row;
  }

  /** A terminal would break the word at the last column. For readability, the whole word moves to the next line. */
  function wrap(full: Row, cell: Cell): void {
    const blank = full.cells.findLastIndex(({ character }) => character === ' ');
    const isBetweenWords = cell.character === ' ' || blank === -1;
    const word = isBetweenWords ? [] : full.cells.slice(blank + 1);
    full.cells = full.cells.slice(0, full.cells.length - word.length);
    const next = newRow(cell.fromMs);
    next.cells = [
      ...word.map((moved) => ({ ...moved, fromMs: cell.fromMs })),
      ...(cell.character === ' ' ? [] : [cell]),
    ];
    column = next.cells.length;
  }

  for (const { atMs, text } of chunks) {
    // Only the cursor's line can change: the cursor never goes up.
    const row = rowAt(atMs);
    const before = row.cells;
    row.cells = [...before];
    for (const [piece, parameters = '', command] of text.matchAll(PIECES)) {
      const current = rowAt(atMs);
      if (command === 'm') styles = applyStyle(styles, parameters);
      else if (command === 'K' && parameters === '2') current.cells = [];
      else if (command !== undefined) throw new Error(`unknown control sequence ${JSON.stringify(piece)}`);
      else if (piece === '\r') column = 0;
      else if (piece === '\n') newRow(atMs);
      else {
        const cell = { character: piece, style: [...styles].join(' '), fromMs: atMs };
        if (column < columns) current.cells[column++] = cell;
        else wrap(current, cell);
      }
    }
    row.spans.push(...endedSpans(before, row.cells, atMs));
    row.cells = keepUnchanged(before, row.cells);
  }
  return rows.map(({ reachedAtMs, cells, spans }) => ({ reachedAtMs, spans: [...spans, ...toSpans(cells, null)] }));
}

function applyStyle(styles: ReadonlySet<Style>, parameters: string): Set<Style> {
  const next = new Set(styles);
  for (const code of parameters.split(';')) {
    const style = STYLES[code];
    if (style !== undefined) next.add(style);
    else if (code === '22') for (const weight of ['bold', 'dim']) next.delete(weight);
    else if (code === '39') for (const colour of ['red', 'green', 'yellow', 'cyan']) next.delete(colour);
    else if (code === '' || code === '0') next.clear();
    else throw new Error(`unknown style ${code}`);
  }
  return next;
}

function isSame(a: Cell | undefined, b: Cell | undefined): boolean {
  return a?.character === b?.character && a?.style === b?.style;
}

/** Keeps cells that were rewritten unchanged: they have been visible all the time. */
function keepUnchanged(before: readonly Cell[], after: readonly Cell[]): Cell[] {
  return after.map((cell, column) => (isSame(before[column], cell) ? before[column]! : cell));
}

function endedSpans(before: readonly Cell[], after: readonly Cell[], atMs: number): Span[] {
  return toSpans(
    before.map((cell, column) => (isSame(cell, after[column]) ? undefined : cell)),
    atMs,
  );
}

/** Joins neighbours of one style and time; blanks at either end of a span are invisible and are left out. */
function toSpans(cells: readonly (Cell | undefined)[], toMs: number | null): Span[] {
  const spans: Span[] = [];
  let open: { column: number; text: string; cell: Cell } | null = null;
  const close = () => {
    if (open === null) return;
    const text = open.text.trimEnd();
    const column = open.column + (text.length - text.trimStart().length);
    if (text !== '')
      spans.push({ column, text: text.trimStart(), style: open.cell.style, fromMs: open.cell.fromMs, toMs });
    open = null;
  };
  for (const [column, cell] of cells.entries()) {
    if (open !== null && open.cell.style === cell?.style && open.cell.fromMs === cell.fromMs) {
      open.text += cell.character;
      continue;
    }
    close();
    if (cell !== undefined) open = { column, text: cell.character, cell };
  }
  close();
  return spans;
}
