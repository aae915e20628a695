import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import classes from './use-more.module.css';

interface PageOf<Row, Cursor> {
  readonly data: readonly Row[];
  readonly nextCursor: Cursor | null;
}

export interface More<Row> {
  /** Undefined until the first page is read. */
  readonly rows: readonly Row[] | undefined;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  readonly loadMore: () => void;
}

/** Reads a list one page at a time, on request. */
export function useMore<Row, Cursor = string>(
  key: readonly unknown[],
  read: (cursor: Cursor | undefined) => Promise<PageOf<Row, Cursor>>,
  { refetchInterval = 30_000 }: { readonly refetchInterval?: number } = {},
): More<Row> {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => read((pageParam as Cursor | null) ?? undefined),
    initialPageParam: null as Cursor | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
    refetchInterval,
  });
  const { data } = query;
  const rows = useMemo(() => data?.pages.flatMap((page) => page.data), [data]);
  return {
    rows,
    error: query.error,
    retry: () => void query.refetch(),
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    loadMore: () => void query.fetchNextPage(),
  };
}

export function MoreButton<Row>({ list }: { readonly list: More<Row> }) {
  if (!list.hasMore) return null;
  return (
    <div className={classes['more']}>
      <Button variant="default" loading={list.isLoadingMore} onClick={list.loadMore}>
        Load more
      </Button>
    </div>
  );
}
