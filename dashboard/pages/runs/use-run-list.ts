import { useInfiniteQuery, useQuery, useQueryClient, type InfiniteData } from '@tanstack/react-query';
import type { RunPage, RunResource } from 'longhaul/client';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { client } from '../../data/client.ts';
import { useLookInterval, useRunChanges } from '../../data/live.ts';
import { toRunChoice, type RunSearch } from './run-search.ts';

const PAGE = 100;
/** A run, cut to the size of a row. */
const MAX_TEXT = 300;

export interface RunList {
  /** Newest first. */
  readonly runs: readonly RunResource[];
  /** Newer runs that are not shown yet, because they would move the others. */
  readonly newCount: number;
  readonly showNew: () => void;
  readonly isLoading: boolean;
  readonly error: Error | null;
  readonly retry: () => void;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
  readonly loadMore: () => void;
}

interface RunListOptions {
  readonly search: RunSearch;
  /** True when new runs may be inserted at the top without moving rows that the user reads. */
  readonly isFollowing: boolean;
}

/**
 * Reads the matching runs and keeps them up to date. Changed runs are updated in place; new runs wait for a click
 * unless the top of the list is visible.
 */
export function useRunList({ search, isFollowing }: RunListOptions): RunList {
  const queries = useQueryClient();
  const interval = useLookInterval();
  const pagesKey = useMemo(() => ['runs', search] as const, [search]);
  const read = (cursor?: string) =>
    client.runs({ ...toRunChoice(search, Date.now()), maxText: MAX_TEXT, limit: PAGE, cursor });

  const pages = useInfiniteQuery({
    queryKey: pagesKey,
    queryFn: ({ pageParam }) => read(pageParam ?? undefined),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
    // Its rows are updated one by one; a refetch of the list would move them.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const head = useQuery({
    queryKey: ['runs-head', search],
    queryFn: () => read(),
    enabled: pages.data !== undefined,
    refetchInterval: interval,
    staleTime: 0,
  });
  /** The newest shown run. */
  const [shownUpTo, setShownUpTo] = useState<string | null>(null);

  const known = useMemo(() => pages.data?.pages.flatMap(({ data }) => data) ?? [], [pages.data]);
  const newest = known[0]?.id ?? '';
  const limit = isFollowing ? null : (shownUpTo ?? newest);
  const { runs, newCount } = useMemo(() => {
    const byId = new Map(known.map((run) => [run.id, run]));
    for (const run of head.data?.data ?? []) byId.set(run.id, run);
    const all = [...byId.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    const shown = limit === null ? all : all.filter(({ id }) => id <= limit);
    return { runs: shown, newCount: all.length - shown.length };
  }, [known, head.data, limit]);

  const firstShown = runs[0]?.id ?? null;
  useEffect(() => {
    // Shown runs stay when the user scrolls down.
    if (isFollowing) setShownUpTo(firstShown);
  }, [isFollowing, firstShown]);

  // There are more new runs than a page holds, so the list would have a gap.
  const oldestOfHead = head.data?.data.at(-1)?.id ?? '';
  const hasGap = head.data !== undefined && head.data.nextCursor !== null && oldestOfHead > newest;
  const { refetch } = pages;
  useEffect(() => {
    if (hasGap && isFollowing) void refetch();
  }, [hasGap, isFollowing, refetch]);

  useRunChanges(
    useCallback(
      (runId: string) => {
        const data = queries.getQueryData<InfiniteData<RunPage, string | null>>(pagesKey);
        if (data?.pages.some((page) => page.data.some(({ id }) => id === runId)) !== true) return;
        refresh(runId, (run) => queries.setQueryData(pagesKey, (old: typeof data) => replaceRun(old, run)));
      },
      [queries, pagesKey],
    ),
  );

  return {
    runs,
    newCount,
    showNew: () => {
      if (hasGap) void pages.refetch();
      setShownUpTo(head.data?.data[0]?.id ?? null);
    },
    isLoading: pages.isPending,
    error: pages.data === undefined ? pages.error : null,
    retry: () => void pages.refetch(),
    hasMore: pages.hasNextPage,
    isLoadingMore: pages.isFetchingNextPage,
    loadMore: () => void pages.fetchNextPage(),
  };
}

const AT_ONCE = 4;
const waiting = new Map<string, (run: RunResource) => void>();
let reading = 0;

/** Refetches changed runs, a few at a time. */
function refresh(runId: string, onRun: (run: RunResource) => void): void {
  waiting.set(runId, onRun);
  while (reading < AT_ONCE) {
    const [next] = waiting;
    if (next === undefined) return;
    const [id, done] = next;
    waiting.delete(id);
    reading += 1;
    void read(id, done);
  }
}

async function read(runId: string, onRun: (run: RunResource) => void): Promise<void> {
  try {
    onRun(await client.run(runId));
  } catch {
    // The next change, or the next visit of the page, reads it again.
  } finally {
    reading -= 1;
    const [after] = waiting;
    if (after !== undefined) refresh(...after);
  }
}

function replaceRun(data: InfiniteData<RunPage, string | null> | undefined, run: RunResource) {
  if (data === undefined) return undefined;
  return {
    ...data,
    pages: data.pages.map((page) => ({ ...page, data: page.data.map((one) => (one.id === run.id ? run : one)) })),
  };
}
