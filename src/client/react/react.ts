'use client';

/** Longhaul in React: runs that are shown as they happen, with no polling and no reconnecting in the application. */
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
  /** Made once, outside of components, or with `useState`: another client begins anew. */
  readonly client: LonghaulClient;
  readonly children?: ReactNode;
}

/** Gives the components within it a client. However many of them show runs, they share one connection. */
export function LonghaulProvider({ client, children }: LonghaulProviderProps): ReactElement {
  const live = useMemo(() => createLiveRuns(client), [client]);
  return createElement(Context.Provider, { value: live }, children);
}

/** The client of the provider, to submit with. */
export function useLonghaul(): LonghaulClient {
  return useLiveRuns().client;
}

/** A run as it happens, and what may be done with it. */
export interface LiveRun extends RunState {
  /** Asks for it to be cancelled. */
  readonly cancel: () => Promise<RunResource>;
  /** Allows what waits, by its `approvalId`; `answers` are for a question. The token needs the scope `approvals`. */
  readonly approve: LonghaulClient['approve'];
  /** Denies what waits; the model is told the reason. */
  readonly deny: LonghaulClient['deny'];
}

/**
 * Shows a run as it happens: its text while it is written, its tool uses, its end. `null` while there is none yet. Renders
 * once for each frame at most, however fast it goes; comes back by itself after an interruption.
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

/** The runs of a user as they come, change and end. */
export interface UserRuns extends RunListState {
  /** Reads older ones. */
  readonly loadMore: () => Promise<void>;
}

/** Lists the runs that the client's token may see, newest first, kept up as they come and end. */
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
