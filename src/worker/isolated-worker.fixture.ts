import type { AgentSpec } from '../agent/agent-spec.ts';
import { startAgentProcess } from '../agent/agent-process.ts';
import { findContainment, PARENT_DEATH_SIGNAL } from '../agent/containment/containment.ts';
import type { NewEvent } from '../core/events.ts';
import { createAgentPlaces } from './agent-places.ts';

/**
 * Runs one attempt as a worker, under the user that starts this script. Reads the attempt and the inputs of its places
 * from the variable `TASK`, and prints the containment, the outcome and the tools' results.
 */
const { spec, places, isWeak } = JSON.parse(process.env['TASK'] ?? '') as {
  spec: AgentSpec;
  places: Pick<Parameters<typeof createAgentPlaces>[0], 'config' | 'homes' | 'temporary' | 'runtimeDirs'>;
  isWeak: boolean;
};
const events: NewEvent[] = [];
const report = await startAgentProcess({
  ...spec,
  providerFailure: () => null,
  onEvent: (event) => void events.push(event),
  ...(isWeak && { containment: PARENT_DEATH_SIGNAL }),
  findPlaces: createAgentPlaces({
    ...places,
    config: { ...places.config, providers: new Map() },
    scratchRoot: spec.scratchRoot,
    env: process.env,
  }),
}).done;
const answers = events.flatMap((event) =>
  event.type === 'agent.tool_result' ? [(event.data as { content: string }).content] : [],
);
console.log(JSON.stringify({ kind: (await findContainment()).kind, outcome: report.outcome, answers }));
