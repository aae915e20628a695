import type { AgentSpec } from '../agent/agent-spec.ts';
import { startAgentProcess } from '../agent/agent-process.ts';
import { findContainment, PARENT_DEATH_SIGNAL } from '../agent/containment/containment.ts';
import { openSpawner } from '../agent/spawner/spawner.ts';
import type { NewEvent } from '../core/events.ts';
import { createLog } from '../core/log.ts';
import { createGateway } from '../gateway/gateway.ts';
import { createAgentPlaces } from './agent-places.ts';
import { openSandboxes } from './sandboxes.ts';

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
const gateway = await createGateway({
  providers: new Map([['default', { upstream: { baseUrl: spec.gateway.url, headers: {} } }]]),
  silenceMs: 30_000,
});
const lane = gateway.openLane();
const pass = lane.open({ attemptId: spec.attemptId });
const sandboxes = openSandboxes({ gateway, log: createLog('silent') });
const spawner = openSpawner();
const report = await startAgentProcess({
  ...spec,
  gateway: { url: gateway.url, token: lane.token },
  sandboxHost: sandboxes,
  spawner,
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
pass.close();
sandboxes.close();
await spawner.close();
await gateway.close();
const connections = events.flatMap((event) => (event.type === 'agent.connection' ? [event.data] : []));
console.log(JSON.stringify({ kind: (await findContainment()).kind, outcome: report.outcome, answers, connections }));
