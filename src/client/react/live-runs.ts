import type { LonghaulClient } from '../client.ts';
import { createConnection } from './connection.ts';
import { createFrames } from './frames.ts';
import { createRunListView } from './run-list-view.ts';
import { createRunView, type RunState } from './run-view.ts';
import type { View } from './view.ts';

/** The state of all runs on a page, over one connection. */
export interface LiveRuns {
  readonly client: LonghaulClient;
  run(id: string): View<RunState>;
  readonly list: ReturnType<typeof createRunListView>;
}

/** Number of runs, no longer shown on the page, whose state is kept. */
const KEPT = 50;

export function createLiveRuns(client: LonghaulClient): LiveRuns {
  const connection = createConnection(client);
  const frames = createFrames();
  const views = new Map<string, View<RunState>>();
  return {
    client,
    run(id) {
      const view = views.get(id) ?? createRunView({ client, connection, frames, id });
      // The latest requested run stands last.
      views.delete(id);
      views.set(id, view);
      const [oldest] = views.keys();
      if (views.size > KEPT && oldest !== undefined) views.delete(oldest);
      return view;
    },
    list: createRunListView({ client, connection, frames }),
  };
}
