import { Button, Checkbox, Loader } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import {
  columnVisibilityFeature,
  rowSelectionFeature,
  tableFeatures,
  useTable,
  type ColumnDef,
  type Row as TableRowOf,
  type RowData,
  type RowSelectionState,
} from '@tanstack/react-table';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, type CSSProperties, type ReactNode } from 'react';
import { useShortcuts } from '../shortcuts/use-shortcuts.ts';
import classes from './data-table.module.css';

/** A column of a table. */
export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  /** A track of a CSS grid, such as `120px` or `minmax(200px, 1fr)`. */
  readonly width: string;
  readonly align?: 'right';
  readonly cell: (row: Row) => ReactNode;
}

interface DataTableProps<Row> {
  /** Label for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  /** Ids of hidden columns. */
  readonly hidden?: ReadonlySet<string>;
  readonly rows: readonly Row[];
  readonly toId: (row: Row) => string;
  /** Draws a row on narrow screens, without columns. */
  readonly compact: (row: Row) => ReactNode;
  readonly compactHeight?: number;
  /** Ids of the selected rows; without it, rows cannot be selected. */
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  /** True when there are more rows to load. */
  readonly hasMore?: boolean;
  readonly isLoadingMore?: boolean;
  readonly onMore?: () => void;
  /** Called when the first row becomes visible or hidden. */
  readonly onTop?: (isAtTop: boolean) => void;
}

const features = tableFeatures({ columnVisibilityFeature, rowSelectionFeature });

type TableRowModel<Row extends RowData> = TableRowOf<typeof features, Row>;

const ROW_HEIGHT = 40;
const SELECT_WIDTH = '20px';

/** A long table. It draws only visible rows and scrolls itself; `j` and `k` move through it, `x` selects. */
export function DataTable<Row extends RowData>(props: DataTableProps<Row>) {
  const { label, columns, hidden, compactHeight = 62, selected, onSelect } = props;
  const { hasMore = false, isLoadingMore = false, onMore, onTop } = props;
  const isNarrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const scroll = useRef<HTMLDivElement>(null);
  const isSelectable = selected !== undefined && onSelect !== undefined;
  const rows = useTableRows(props);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => (isNarrow ? compactHeight : ROW_HEIGHT),
    getItemKey: (index) => rows[index]!.id,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();

  const lastIndex = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (hasMore && !isLoadingMore && lastIndex >= rows.length - 20) onMore?.();
  }, [hasMore, isLoadingMore, lastIndex, rows.length, onMore]);
  useEffect(() => virtualizer.measure(), [isNarrow, virtualizer]);
  useListShortcuts(scroll, {
    count: rows.length,
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: 'auto' }),
    toggle: (index) => (isSelectable ? rows[index]?.toggleSelected() : undefined),
  });

  const shown = columns.filter(({ id }) => hidden?.has(id) !== true);
  const tracks = [...(isSelectable ? [SELECT_WIDTH] : []), ...shown.map(({ width }) => width)].join(' ');
  return (
    <div
      ref={scroll}
      className={classes['scroll']}
      tabIndex={-1}
      onScroll={({ currentTarget }) => onTop?.(currentTarget.scrollTop < ROW_HEIGHT)}
    >
      <div
        role="table"
        aria-label={label}
        aria-rowcount={hasMore ? -1 : rows.length + 1}
        className={classes['table']}
        style={{ '--columns': tracks, ...(isNarrow && { minWidth: 0 }) } as CSSProperties}
      >
        {!isNarrow && (
          <Head columns={shown}>
            {isSelectable && <SelectAll ids={rows.map(({ id }) => id)} {...{ selected, onSelect }} />}
          </Head>
        )}
        <div role="rowgroup" className={classes['body']} style={{ height: virtualizer.getTotalSize() }}>
          {items.map(({ index, start }) => (
            <TableRow
              key={rows[index]!.id}
              row={rows[index]!}
              place={{ index, start }}
              columns={shown}
              isSelected={isSelectable ? selected.has(rows[index]!.id) : null}
              {...(isNarrow && { compact: props.compact, measure: virtualizer.measureElement })}
            />
          ))}
        </div>
      </div>
      {hasMore && <More isLoading={isLoadingMore} onMore={onMore} />}
    </div>
  );
}

/** Returns the rows of the table, which know whether they are selected. */
function useTableRows<Row extends RowData>(props: DataTableProps<Row>): readonly TableRowModel<Row>[] {
  const { columns, hidden, rows, toId, selected, onSelect } = props;
  const definitions = useMemo(
    () =>
      columns.map(({ id, title, cell }): ColumnDef<typeof features, Row> => ({
        id,
        header: title,
        cell: ({ row }) => cell(row.original),
      })),
    [columns],
  );
  const data = useMemo(() => [...rows], [rows]);
  const rowSelection = useMemo(
    (): RowSelectionState => Object.fromEntries([...(selected ?? [])].map((id) => [id, true as const])),
    [selected],
  );
  const columnVisibility = useMemo(() => Object.fromEntries([...(hidden ?? [])].map((id) => [id, false])), [hidden]);
  const table = useTable({
    features,
    columns: definitions,
    data,
    getRowId: toId,
    state: { rowSelection, columnVisibility },
    onRowSelectionChange: (update) => {
      const next = typeof update === 'function' ? update(rowSelection) : update;
      onSelect?.(new Set(Object.keys(next).filter((id) => next[id] === true)));
    },
  });
  return table.getRowModel().rows;
}

interface HeadProps<Row> {
  readonly columns: readonly Column<Row>[];
  /** The checkbox that selects all rows; false without selection. */
  readonly children: ReactNode;
}

function Head<Row>({ columns, children }: HeadProps<Row>) {
  return (
    <div role="rowgroup">
      <div role="row" aria-rowindex={1} className={classes['head']}>
        {children}
        {columns.map(({ id, title, align }) => (
          <span key={id} role="columnheader" className={classes['headCell']} data-align={align}>
            {title}
          </span>
        ))}
      </div>
    </div>
  );
}

interface SelectAllProps {
  readonly ids: readonly string[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
}

function SelectAll({ ids, selected, onSelect }: SelectAllProps) {
  const isAllSelected = ids.length > 0 && ids.every((id) => selected.has(id));
  return (
    <span role="columnheader">
      <Checkbox
        aria-label="Select all that are loaded"
        checked={isAllSelected}
        indeterminate={!isAllSelected && selected.size > 0}
        onChange={() => onSelect(isAllSelected ? new Set() : new Set(ids))}
      />
    </span>
  );
}

interface TableRowProps<Row extends RowData> {
  readonly row: TableRowModel<Row>;
  /** Index of the row, and its distance from the first in pixels. */
  readonly place: { readonly index: number; readonly start: number };
  readonly columns: readonly Column<Row>[];
  /** Null when rows cannot be selected. */
  readonly isSelected: boolean | null;
  /** Draws the row on a narrow screen, where its height is measured. */
  readonly compact?: (row: Row) => ReactNode;
  readonly measure?: (element: HTMLElement | null) => void;
}

function TableRow<Row extends RowData>({ row, place, columns, isSelected, compact, measure }: TableRowProps<Row>) {
  const common = {
    role: 'row',
    'aria-rowindex': place.index + 2,
    'data-index': place.index,
    'data-virtual': true,
    'data-selected': isSelected === true || undefined,
    style: { transform: `translateY(${place.start}px)` },
  } as const;
  if (compact !== undefined) {
    return (
      <div {...common} className={classes['compact']} ref={measure}>
        <div role="cell">{compact(row.original)}</div>
      </div>
    );
  }
  return (
    <div {...common} className={classes['row']}>
      {isSelected !== null && (
        <span role="cell" className={classes['above']}>
          <Checkbox aria-label="Select" checked={isSelected} onChange={() => row.toggleSelected()} tabIndex={-1} />
        </span>
      )}
      {columns.map(({ id, align, cell }) => (
        <span key={id} role="cell" className={classes['cell']} data-align={align}>
          {cell(row.original)}
        </span>
      ))}
    </div>
  );
}

function More({ isLoading, onMore }: { readonly isLoading: boolean; readonly onMore: (() => void) | undefined }) {
  return (
    <div className={classes['more']}>
      {isLoading ? (
        <Loader size="xs" color="gray" />
      ) : (
        <Button variant="subtle" color="gray" onClick={onMore}>
          Load more
        </Button>
      )}
    </div>
  );
}

interface ListActions {
  readonly count: number;
  readonly scrollTo: (index: number) => void;
  readonly toggle: (index: number) => void;
}

/** Moves the focus to the next or previous row. */
function useListShortcuts(scroll: { current: HTMLElement | null }, { count, scrollTo, toggle }: ListActions): void {
  const indexOf = () => {
    const row = document.activeElement?.closest<HTMLElement>('[data-index]');
    return row !== null && row !== undefined && scroll.current?.contains(row) === true
      ? Number(row.dataset['index'])
      : -1;
  };
  const move = (by: number) => {
    const index = Math.min(count - 1, Math.max(0, indexOf() + by));
    if (count === 0) return;
    scrollTo(index);
    // The row must be drawn first.
    requestAnimationFrame(() =>
      scroll.current?.querySelector<HTMLElement>(`[data-index="${index}"] a, [data-index="${index}"] button`)?.focus(),
    );
  };
  useShortcuts({ j: () => move(1), k: () => move(-1), x: () => toggle(indexOf()) });
}

/** Class of the link that covers its row. */
export const rowLink = classes['link'] ?? '';
