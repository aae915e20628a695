'use client';

/** Longhaul in React: shows runs live, with no polling and no reconnecting in the application. */
import {
  createContext,
  createElement,
  useContext,
  useMemo,
  useSyncExternalStore,
  type ReactElement,
  type ReactNode,
} from 'react';
import type { LonghaulClient, RunResource } from '../client.ts';
import { createLiveRuns, type LiveRuns } from './live-runs.ts';
import { NO_RUNS, type RunListState } from './run-list-view.ts';
import { NO_RUN, type RunState } from './run-view.ts';

export type { RunListState } from './run-list-view.ts';
export type { RunState } from './run-view.ts';

const Context = createContext<LiveRuns | null>(null);

export interface LonghaulProviderProps {
  /** Create it once, outside of components, or with `useState`: another client starts from the beginning. */
  readonly client: LonghaulClient;
  readonly children?: ReactNode;
}

/** Provides a client to the components within it. All components that show runs share one connection. */
export function LonghaulProvider({ client, children }: LonghaulProviderProps): ReactElement {
  const live = useMemo(() => createLiveRuns(client), [client]);
  return createElement(Context.Provider, { value: live }, children);
}

/** Returns the client of the provider, for submissions. */
export function useLonghaul(): LonghaulClient {
  return useLiveRuns().client;
}

/** A live run, with its actions. */
export interface LiveRun extends RunState {
  /** Requests the cancellation of the run. */
  readonly cancel: () => Promise<RunResource>;
  /**
   * Allows a pending tool use, by its `approvalId`; `answers` are for a question. The token needs the scope
   * `approvals`.
   */
  readonly approve: LonghaulClient['approve'];
  /** Denies a pending tool use; the model receives the reason. */
  readonly deny: LonghaulClient['deny'];
}

/**
 * Shows a run live: its text while it is written, its tool uses, its end. `null` while there is no run yet. Renders at
 * most once per frame, and reconnects by itself after an interruption.
 */
export function useRun(id: string | null): LiveRun {
  const live = useLiveRuns();
  const view = useMemo(() => (id === null ? NO_VIEW : live.run(id)), [live, id]);
  const state = useSyncExternalStore(view.subscribe, view.getSnapshot, () => NO_RUN);
  return useMemo(() => {
    const { client } = live;
    return {
      ...state,
      cancel: () => (id === null ? Promise.reject(new TypeError('There is no run to cancel.')) : client.cancel(id)),
      approve: client.approve,
      deny: client.deny,
    };
  }, [live, id, state]);
}

/** The live list of a user's runs. */
export interface UserRuns extends RunListState {
  /** Reads older runs. */
  readonly loadMore: () => Promise<void>;
}

/** Lists the runs that the client's token may see, newest first, and keeps the list up to date. */
export function useUserRuns(): UserRuns {
  const { view, loadMore } = useLiveRuns().list;
  const state = useSyncExternalStore(view.subscribe, view.getSnapshot, () => NO_RUNS);
  return useMemo(() => ({ ...state, loadMore }), [state, loadMore]);
}

const NO_VIEW = { subscribe: () => () => {}, getSnapshot: () => NO_RUN };

function useLiveRuns(): LiveRuns {
  const live = useContext(Context);
  if (live === null) throw new Error('This component has to be within a <LonghaulProvider>.');
  return live;
}
