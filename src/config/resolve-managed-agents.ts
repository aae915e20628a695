import type { FieldError } from '../core/errors.ts';
import type { Agent, ManagedAgentsConfig } from './config.ts';
import type { Settings } from './schema.ts';

/** Returns the bounds of agents that clients define; null when they may define none. */
export function resolveManagedAgents(settings: Settings['managedAgents']): ManagedAgentsConfig | null {
  if (settings === undefined) return null;
  const { template, models, mcpHosts } = settings;
  return { template, models: models ?? null, mcpHosts: [...new Set(mcpHosts)] };
}

/** Returns an error when the template is not one of the agents. */
export function findTemplateErrors(
  managedAgents: ManagedAgentsConfig | null,
  agents: ReadonlyMap<string, Agent>,
): FieldError[] {
  if (managedAgents === null || agents.has(managedAgents.template)) return [];
  const received = JSON.stringify(managedAgents.template);
  return [
    {
      path: 'managedAgents.template',
      message: `must be one of the agents (${[...agents.keys()].join(', ')}); received ${received}`,
    },
  ];
}
