import { Button, Checkbox, Loader } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import {
  columnVisibilityFeature,
  rowSelectionFeature,
  tableFeatures,
  useTable,
  type ColumnDef,
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

const ROW_HEIGHT = 40;
const SELECT_WIDTH = '20px';

/** A long table. It draws only visible rows and scrolls itself; `j` and `k` move through it, `x` selects. */
export function DataTable<Row extends RowData>(props: DataTableProps<Row>) {
  const { label, columns, hidden, rows, toId, compact, compactHeight = 62, selected, onSelect } = props;
  const { hasMore = false, isLoadingMore = false, onMore, onTop } = props;
  const isNarrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const scroll = useRef<HTMLDivElement>(null);
  const isSelectable = selected !== undefined && onSelect !== undefined;

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

  const shown = columns.filter(({ id }) => hidden?.has(id) !== true);
  const tableRows = table.getRowModel().rows;
  const virtualizer = useVirtualizer({
    count: tableRows.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => (isNarrow ? compactHeight : ROW_HEIGHT),
    getItemKey: (index) => tableRows[index]!.id,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();

  const lastIndex = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (hasMore && !isLoadingMore && lastIndex >= tableRows.length - 20) onMore?.();
  }, [hasMore, isLoadingMore, lastIndex, tableRows.length, onMore]);
  useEffect(() => virtualizer.measure(), [isNarrow, virtualizer]);

  useListShortcuts(scroll, {
    count: tableRows.length,
    scrollTo: (index) => virtualizer.scrollToIndex(index, { align: 'auto' }),
    toggle: (index) => (isSelectable ? tableRows[index]?.toggleSelected() : undefined),
  });

  const tracks = [...(isSelectable ? [SELECT_WIDTH] : []), ...shown.map(({ width }) => width)].join(' ');
  const isAllSelected = tableRows.length > 0 && tableRows.every((row) => selected?.has(row.id));
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
        aria-rowcount={hasMore ? -1 : tableRows.length + 1}
        className={classes['table']}
        style={{ '--columns': tracks, ...(isNarrow && { minWidth: 0 }) } as CSSProperties}
      >
        {!isNarrow && (
          <div role="rowgroup">
            <div role="row" aria-rowindex={1} className={classes['head']}>
              {isSelectable && (
                <span role="columnheader">
                  <Checkbox
                    aria-label="Select all that are loaded"
                    checked={isAllSelected}
                    indeterminate={!isAllSelected && selected.size > 0}
                    onChange={() => onSelect(isAllSelected ? new Set() : new Set(tableRows.map(({ id }) => id)))}
                  />
                </span>
              )}
              {shown.map(({ id, title, align }) => (
                <span key={id} role="columnheader" className={classes['headCell']} data-align={align}>
                  {title}
                </span>
              ))}
            </div>
          </div>
        )}
        <div role="rowgroup" className={classes['body']} style={{ height: virtualizer.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = tableRows[index]!;
            const isSelected = selected?.has(row.id) === true;
            const common = {
              role: 'row',
              'aria-rowindex': index + 2,
              'data-index': index,
              'data-virtual': true,
              'data-selected': isSelected || undefined,
              style: { transform: `translateY(${start}px)` },
            } as const;
            if (isNarrow) {
              return (
                <div key={row.id} {...common} className={classes['compact']} ref={virtualizer.measureElement}>
                  <div role="cell">{compact(row.original)}</div>
                </div>
              );
            }
            return (
              <div key={row.id} {...common} className={classes['row']}>
                {isSelectable && (
                  <span role="cell" className={classes['above']}>
                    <Checkbox
                      aria-label="Select"
                      checked={isSelected}
                      onChange={() => row.toggleSelected()}
                      tabIndex={-1}
                    />
                  </span>
                )}
                {shown.map(({ id, align, cell }) => (
                  <span key={id} role="cell" className={classes['cell']} data-align={align}>
                    {cell(row.original)}
                  </span>
                ))}
              </div>
            );
          })}
        </div>
      </div>
      {hasMore && (
        <div className={classes['more']}>
          {isLoadingMore ? (
            <Loader size="xs" color="gray" />
          ) : (
            <Button variant="subtle" color="gray" onClick={onMore}>
              Load more
            </Button>
          )}
        </div>
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
