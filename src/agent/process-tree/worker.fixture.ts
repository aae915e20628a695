import type { AgentSpec } from '../agent-spec.ts';
import { startAgentProcess } from '../agent-process.ts';
import { openSpawner } from '../spawner/spawner.ts';
import { startReaper } from './reaper.ts';

/**
 * Runs one attempt as a worker that a test kills. Reads the attempt from the variable `SPEC`, and starts a reaper with
 * `REAPER`.
 */
const spec = JSON.parse(process.env['SPEC'] ?? '') as AgentSpec;
if (process.env['REAPER'] !== undefined) startReaper();
const spawner = openSpawner();
await startAgentProcess({ ...spec, spawner, onEvent: () => undefined, providerFailure: () => null }).done;
