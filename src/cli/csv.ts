import { disarm, toCsvLine } from '../core/csv.ts';
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
  return lines.map(toCsvLine).join('');
}

/** First disarmed: what commands a terminal is spelled out with a backslash, and would then begin with that. */
function toCell(value: string | number | boolean | null): string | number | boolean | null {
  return typeof value === 'string' ? toTerminalText(disarm(value)) : value;
}
