import type { ReactNode } from 'react';
import classes from './simple-table.module.css';

export interface SimpleColumn<Row> {
  readonly title: string;
  readonly align?: 'right';
  /** Set when narrow screens hide the column. */
  readonly isMinor?: boolean;
  readonly cell: (row: Row) => ReactNode;
}

interface SimpleTableProps<Row> {
  readonly label: string;
  readonly columns: readonly SimpleColumn<Row>[];
  readonly rows: readonly Row[];
  readonly toId: (row: Row) => string;
  /** Content of an extra row below the row; null for none. */
  readonly below?: (row: Row) => ReactNode;
}

/** A table that is short enough to be drawn completely. The first column names the row. */
export function SimpleTable<Row>({ label, columns, rows, toId, below }: SimpleTableProps<Row>) {
  return (
    <div className={classes['scroll']} tabIndex={0} role="region" aria-label={label}>
      <table className={classes['table']}>
        <thead>
          <tr>
            {columns.map(({ title, align, isMinor }) => (
              <th key={title} scope="col" data-align={align} data-minor={isMinor || undefined}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => {
            const more = below?.(row) ?? null;
            return [
              <tr key={toId(row)} data-has-more={more !== null || undefined}>
                {columns.map(({ title, align, isMinor, cell }, index) => {
                  const common = { 'data-align': align, 'data-minor': isMinor || undefined };
                  return index === 0 ? (
                    <th key={title} scope="row" {...common}>
                      {cell(row)}
                    </th>
                  ) : (
                    <td key={title} {...common}>
                      {cell(row)}
                    </td>
                  );
                })}
              </tr>,
              more !== null && (
                <tr key={`${toId(row)} more`}>
                  <td colSpan={columns.length} className={classes['more']}>
                    {more}
                  </td>
                </tr>
              ),
            ];
          })}
        </tbody>
      </table>
    </div>
  );
}
