import type { Agent } from '../config/config.ts';
import { narrowAgent } from '../config/narrow-agent.ts';
import { LonghaulError } from '../core/errors.ts';
import { findDefinition } from '../run/sessions/find-definition.ts';
import type { Attempt } from './attempt.ts';
import { retryWhileAway } from './retry-while-away.ts';

/**
 * Finds the agent of an attempt: the agent that its run names, narrowed by the definition of its session if a client has
 * defined one.
 * @throws {LonghaulError} `internal_error` when this worker does not have the agent, or it is no longer the template; `invalid_model` when the
 * configuration no longer allows the model of the definition.
 */
export async function findAgent({
  deps,
  claim,
  leaseLost,
}: Pick<Attempt, 'deps' | 'claim' | 'leaseLost'>): Promise<Agent> {
  const { agents, database, managedAgents } = deps;
  const { agent: name, sessionId } = claim.run;
  const agent = agents.get(name);
  if (agent === undefined) {
    throw new LonghaulError('internal_error', { message: `Agent "${name}" is not configured on this worker.` });
  }
  if (!claim.run.isManaged) return agent;
  const definition = await retryWhileAway(() => findDefinition(database, sessionId), { signal: leaseLost });
  if (definition === null) return agent;
  if (managedAgents?.template !== name) {
    const message = `The agent of this session was defined by a client within "${name}", which is no longer managedAgents.template.`;
    throw new LonghaulError('internal_error', { message });
  }
  const { models, mcpHosts } = managedAgents;
  if (models !== null && !models.includes(definition.model)) {
    const message = `Model "${definition.model}" is not in managedAgents.models: the configuration has changed since the session was created.`;
    throw new LonghaulError('invalid_model', { message });
  }
  return narrowAgent(agent, definition, mcpHosts);
}
