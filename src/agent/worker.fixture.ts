import type { AgentSpec } from './agent-spec.ts';
import { startAgentProcess } from './agent-process.ts';
import { startReaper } from './reaper.ts';

/** A worker of one attempt, to be killed: it takes the attempt from the variable `SPEC`, and a reaper with `REAPER`. */
const spec = JSON.parse(process.env['SPEC'] ?? '') as AgentSpec;
if (process.env['REAPER'] !== undefined) startReaper();
await startAgentProcess({ ...spec, onEvent: () => undefined, providerFailure: () => null }).done;
