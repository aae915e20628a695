import type { ConnectionOptions } from './connection.ts';
import type { Shell } from './shell.ts';
import { formatTable, type Column } from './table.ts';
import { toTerminalJson } from './terminal-text.ts';

/** Options of a command that prints for a person or, with `--json`, for a program. */
export interface PrintOptions extends ConnectionOptions {
  readonly json?: true;
}

interface Page<Row> {
  readonly data: readonly Row[];
  /** Null or missing after the last page. */
  readonly nextCursor?: string | number | null;
}

interface ListOptions<Row> {
  readonly json: true | undefined;
  readonly columns: readonly Column<Row>[];
  /** Line or lines in place of an empty table. Defaults to the titles of the table. */
  readonly none?: string | readonly string[];
  /** Says on standard error that there are more rows. Defaults to `Only the newest N are shown …`. */
  readonly more?: (shown: number) => string;
}

interface OneOptions<T> {
  readonly json: true | undefined;
  /** Returns a line or several, safe for a terminal. */
  readonly describe: (value: T) => string | readonly string[];
  /** Returns a line for standard error, or null for none. Defaults to none. */
  readonly note?: (value: T) => string | null;
}

/** Prints a page of a list: a table, or the page as one line of JSON. */
export function printList<Row>(shell: Shell, page: Page<Row>, options: ListOptions<Row>): void {
  const { json, columns, none, more = onlyNewest } = options;
  printOne(shell, page, {
    json,
    describe: ({ data }) =>
      data.length === 0 && none !== undefined
        ? none
        : formatTable({ columns, rows: data, width: shell.stdout.columns }),
    note: ({ data, nextCursor }) => (nextCursor === null || nextCursor === undefined ? null : more(data.length)),
  });
}

/** Prints a value: its description, or one line of JSON. */
export function printOne<T>(shell: Shell, value: T, { json, describe, note }: OneOptions<T>): void {
  if (json === true) return shell.stdout.line(toTerminalJson(value));
  for (const line of [describe(value)].flat()) shell.stdout.line(line);
  const remark = note?.(value) ?? null;
  if (remark !== null) shell.stderr.line(remark);
  return undefined;
}

/** For lists whose order does not matter. */
export const thereAreMore = (): string => 'There are more: show them with --limit.';

function onlyNewest(shown: number): string {
  return `Only the newest ${shown} are shown; show more with --limit.`;
}
