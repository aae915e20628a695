import type { AgentSpec } from './agent-spec.ts';
import { startAgentProcess } from './agent-process.ts';

/** A worker of one attempt, to be killed: it takes the attempt from the variable `SPEC`. */
const spec = JSON.parse(process.env['SPEC'] ?? '') as AgentSpec;
await startAgentProcess({ ...spec, onEvent: () => undefined, providerFailure: () => null }).done;
