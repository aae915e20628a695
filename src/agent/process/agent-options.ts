import type { AgentDefinition, Options, ThinkingConfig } from '@anthropic-ai/claude-agent-sdk';
import type { RunLimits } from '../../core/limits.ts';
import type { Agent } from '../../config/config.ts';
import type { ClaudeSpec } from './claude-spec.ts';
import type { ConversationStore } from '../transcript/session-store.ts';
import { QUESTION_TOOL } from '../tools/tool-use.ts';

interface AgentOptionsInput {
  readonly spec: Pick<ClaudeSpec, 'agent' | 'limits' | 'claudeSessionId' | 'resumeFrom' | 'workspaceDir'>;
  readonly executable: string;
  /** True when the sandbox decides which hosts can be reached. */
  readonly isNetworkHeld: boolean;
  readonly environment: Record<string, string>;
  readonly gate: NonNullable<Options['hooks']>;
  readonly mcpServers: Readonly<NonNullable<Options['mcpServers']>>;
  readonly store: ConversationStore['sdkStore'];
  readonly spawn: NonNullable<Options['spawnClaudeCodeProcess']>;
}

/** The smallest thinking budget of the Messages API. Claude Code would raise a smaller budget to it. */
const MIN_THINKING_TOKENS = 1_024;

/**
 * Builds the options with which Claude Code starts. Nothing important is left to a default, because defaults change
 * between versions.
 */
export function toAgentOptions(input: AgentOptionsInput): Options {
  const { spec, executable, isNetworkHeld, environment, gate, mcpServers, store, spawn } = input;
  const { agent, limits } = spec;
  return {
    pathToClaudeCodeExecutable: executable,
    spawnClaudeCodeProcess: spawn,
    // Replaces the whole environment.
    env: environment,
    cwd: spec.workspaceDir,
    ...(spec.resumeFrom === null ? { sessionId: spec.claudeSessionId } : { resume: spec.claudeSessionId }),
    sessionStore: store,
    // Writes each entry at once: with batches, a killed worker would leave nothing of a turn.
    sessionStoreFlush: 'eager',
    // A start that must be stopped waits for this load.
    loadTimeoutMs: 10_000,

    // Claude Code accepts the name `default`: it then chooses a model for the account, as if no model were given.
    model: agent.model,
    // Claude Code leaves it out of the request for a model without effort.
    effort: agent.effort,
    thinking: toThinking(agent.thinking, limits),
    maxTurns: limits.maxTurns,
    // No `maxBudgetUsd`: Claude Code counts with its own prices, for the model that it asked for. The gateway enforces
    // the ceiling, with the prices here of the model that answers.
    ...toSystemPrompt(agent.systemPrompt),

    // The same list defines which tools exist and which are allowed: only the gate can ask a person.
    tools: [...agent.tools],
    allowedTools: agent.tools.filter((tool) => tool !== QUESTION_TOOL),
    permissionMode: agent.permissionMode,
    allowDangerouslySkipPermissions: agent.permissionMode === 'bypassPermissions',
    ...toPrompting(agent),
    hooks: gate,
    mcpServers: { ...mcpServers },
    // Sends the servers' variables and headers over stdin, because everyone on the machine can read arguments.
    mcpServersDelivery: 'initialize',
    ...(agent.subagents.length > 0 && { agents: toSubagents(agent), forwardSubagentText: true }),
    ...(agent.outputSchema !== null && {
      outputFormat: { type: 'json_schema', schema: { ...agent.outputSchema.json } },
    }),

    // WebFetch would first ask Anthropic about each host, which few lists allow.
    ...(isNetworkHeld && agent.tools.includes('WebFetch') && { settings: { skipWebFetchPreflight: true } }),
    settingSources: [...agent.settingSources],
    strictMcpConfig: true,
    // Set for each prompt instead, see `toPrompt`: a kept process receives a command that clears its conversation.
    verbatimPrompts: false,
    includePartialMessages: true,
  };
}

/** Claude Code offers its question tool only if somebody could be asked. The gate does the asking. */
function toPrompting({ tools }: Agent): Pick<Options, 'permissionPrompts' | 'canUseTool'> {
  if (!tools.includes(QUESTION_TOOL)) return { permissionPrompts: 'none' };
  return { canUseTool: async () => ({ behavior: 'deny', message: 'No person can be asked.' }) };
}

function toSubagents({ subagents }: Agent): Record<string, AgentDefinition> {
  return Object.fromEntries(
    subagents.map(({ name, description, prompt, tools, model, maxTurns }) => [
      name,
      {
        description,
        prompt,
        tools: [...tools],
        model: model ?? 'inherit',
        ...(maxTurns !== null && { maxTurns }),
      },
    ]),
  );
}

function toThinking(kind: Agent['thinking'], { maxThinkingTokens }: RunLimits): ThinkingConfig {
  if (kind === 'disabled' || maxThinkingTokens < MIN_THINKING_TOKENS) return { type: 'disabled' };
  return kind === 'adaptive' ? { type: 'adaptive' } : { type: 'enabled', budgetTokens: maxThinkingTokens };
}

function toSystemPrompt(systemPrompt: Agent['systemPrompt']): Pick<Options, 'systemPrompt'> {
  if (systemPrompt === null) return {};
  if (typeof systemPrompt === 'string') return { systemPrompt };
  return { systemPrompt: { type: 'preset', preset: 'claude_code', append: systemPrompt.append } };
}
