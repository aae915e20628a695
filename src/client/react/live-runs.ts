import type { LonghaulClient } from '../client.ts';
import { createConnection } from './connection.ts';
import { createFrames } from './frames.ts';
import { createRunListView } from './run-list-view.ts';
import { createRunView, type RunState } from './run-view.ts';
import type { View } from './view.ts';

/** Everything that a page shows of runs, over one connection. */
export interface LiveRuns {
  readonly client: LonghaulClient;
  run(id: string): View<RunState>;
  readonly list: ReturnType<typeof createRunListView>;
}

/** Runs that a page has looked at and looks at no more, of which it is kept what is known. */
const KEPT = 50;

export function createLiveRuns(client: LonghaulClient): LiveRuns {
  const connection = createConnection(client);
  const frames = createFrames();
  const views = new Map<string, View<RunState>>();
  return {
    client,
    run(id) {
      const view = views.get(id) ?? createRunView({ client, connection, frames, id });
      // The one asked for last stands last.
      views.delete(id);
      views.set(id, view);
      const [oldest] = views.keys();
      if (views.size > KEPT && oldest !== undefined) views.delete(oldest);
      return view;
    },
    list: createRunListView({ client, connection, frames }),
  };
}
