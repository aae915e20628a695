import path from 'node:path';
import type { Agent } from './config.ts';

/** The agent that `GET /v1/health/agent` runs. Callers cannot submit to it, and a configuration cannot define it. */
export const HEALTH_AGENT = 'longhaul-health';

/** Returns the agents that the configuration names. */
export function withoutHealthAgent(agents: ReadonlyMap<string, Agent>): Agent[] {
  return [...agents.values()].filter(({ name }) => name !== HEALTH_AGENT);
}

/**
 * Returns the agent of the health check: it has the model and provider of the given agent, no tools, and asks for one
 * word within one turn and $0.01. It has its own queue, so that a check competes with queued runs only for a slot.
 */
export function toHealthAgent(agent: Agent, { dataDir }: { dataDir: string }): Agent {
  return {
    ...agent,
    name: HEALTH_AGENT,
    queue: HEALTH_AGENT,
    tools: [],
    ask: [],
    hooks: {},
    mcpServers: [],
    subagents: [],
    outputSchema: null,
    permissionMode: 'dontAsk',
    workspace: { root: path.join(dataDir, 'workspaces', HEALTH_AGENT), mode: 'perRun', from: null },
    sandbox: null,
    limits: {
      ...agent.limits,
      maxBudgetUsd: 0.01,
      maxTurns: 1,
      maxThinkingTokens: 0,
      timeoutSeconds: Math.min(30, agent.limits.timeoutSeconds),
      maxPromptLength: 1_000,
    },
    concurrent: null,
    retry: { ...agent.retry, maxAttempts: 1 },
    prewarm: null,
    keepWarmSeconds: 0,
    isReused: false,
    whileBusy: 'enqueue',
    // Claude Code's own system prompt would cost more than the question.
    systemPrompt: 'Answer with the word you are asked for.',
    effort: 'low',
    thinking: 'disabled',
    settingSources: [],
  };
}
