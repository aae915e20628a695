import { toTerminalText } from './terminal-text.ts';

interface CsvColumn<Row> {
  readonly title: string;
  /** Null: an empty cell. */
  readonly value: (row: Row) => string | number | boolean | null;
}

/**
 * Formats rows as CSV (RFC 4180), the titles first. Texts can be anything: a text that a spreadsheet would take for a
 * formula gets an apostrophe in front, and terminal control characters are escaped.
 */
export function formatCsv<Row>({
  columns,
  rows,
}: {
  columns: readonly CsvColumn<Row>[];
  rows: readonly Row[];
}): string {
  const lines = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => toCell(value(row)))),
  ];
  return lines.map((cells) => `${cells.map(quote).join(',')}\r\n`).join('');
}

function toCell(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return value === null ? '' : String(value);
  // https://owasp.org/www-community/attacks/CSV_Injection
  return toTerminalText(/^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(value) ? `'${value}` : value);
}

function quote(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
