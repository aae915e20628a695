import { displayWidth, fitInto } from './display-width.ts';
import { toTerminalLine } from './terminal-text.ts';

export interface Column<Row> {
  readonly title: string;
  /** Defaults to `left`. Numbers are aligned right. */
  readonly align?: 'left' | 'right';
  /** Any text: it is shown as one line that is safe for a terminal. */
  readonly value: (row: Row) => string;
}

interface TableOptions<Row> {
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** The width of the terminal: the last column is cut to fit. */
  readonly width: number;
}

const GAP = '  ';
const LEAST_LAST_COLUMN = 12;

/** Returns the lines of an aligned table, the titles first. */
export function formatTable<Row>({ columns, rows, width }: TableOptions<Row>): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => toTerminalLine(value(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => displayWidth(line[index] ?? ''))));
  const taken = widths.slice(0, -1).reduce((sum, columnWidth) => sum + columnWidth + GAP.length, 0);
  const lastWidth = Math.max(width - taken, LEAST_LAST_COLUMN);
  return cells.map((line) =>
    line
      .map((cell, index) => {
        const shown = index === columns.length - 1 ? fitInto(cell, lastWidth) : cell;
        return pad(shown, { width: widths[index] ?? 0, align: columns[index]?.align ?? 'left' });
      })
      .join(GAP)
      .trimEnd(),
  );
}

function pad(cell: string, { width, align }: { width: number; align: 'left' | 'right' }): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(cell)));
  return align === 'right' ? space + cell : cell + space;
}
