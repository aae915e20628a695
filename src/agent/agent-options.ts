import type { AgentDefinition, Options, ThinkingConfig } from '@anthropic-ai/claude-agent-sdk';
import type { RunLimits } from '../core/limits.ts';
import type { AgentSpec } from './agent-spec.ts';
import type { ClaudeSpec } from './claude-spec.ts';
import type { ConversationStore } from './session-store.ts';
import { QUESTION_TOOL } from './tool-use.ts';

interface AgentOptionsInput {
  readonly spec: Pick<ClaudeSpec, 'agent' | 'limits' | 'claudeSessionId' | 'resumeFrom' | 'workspaceDir'>;
  readonly executable: string;
  readonly environment: Record<string, string>;
  readonly gate: NonNullable<Options['hooks']>;
  readonly mcpServers: Readonly<NonNullable<Options['mcpServers']>>;
  readonly store: ConversationStore['sdkStore'];
  readonly spawn: NonNullable<Options['spawnClaudeCodeProcess']>;
}

/** The thinking budget below which the Messages API takes none; Claude Code would raise a smaller one to it. */
const MIN_THINKING_TOKENS = 1_024;

/** What Claude Code is started with. Nothing that matters is left to a default, which moves between versions. */
export function toAgentOptions(input: AgentOptionsInput): Options {
  const { spec, executable, environment, gate, mcpServers, store, spawn } = input;
  const { agent, limits } = spec;
  return {
    pathToClaudeCodeExecutable: executable,
    spawnClaudeCodeProcess: spawn,
    // Replaces the environment as a whole.
    env: environment,
    cwd: spec.workspaceDir,
    ...(spec.resumeFrom === null ? { sessionId: spec.claudeSessionId } : { resume: spec.claudeSessionId }),
    sessionStore: store,
    // Each entry as it is written: batched, a killed worker would leave nothing of a turn.
    sessionStoreFlush: 'eager',
    // A start that is to be stopped waits for it.
    loadTimeoutMs: 10_000,

    // `default` is a name Claude Code takes: its own choice for the account, as with no model given.
    model: agent.model,
    // Left out of the request by Claude Code for a model without it.
    effort: agent.effort,
    thinking: toThinking(agent.thinking, limits),
    maxTurns: limits.maxTurns,
    // No `maxBudgetUsd`: Claude Code counts by its own prices, of the model that it asked for. The gateway holds the ceiling,
    // by what the model that answers costs here.
    ...toSystemPrompt(agent.systemPrompt),

    // What exists, and what is approved, are the same list: there is nobody to ask but by the gate.
    tools: [...agent.tools],
    allowedTools: agent.tools.filter((tool) => tool !== QUESTION_TOOL),
    permissionMode: agent.permissionMode,
    allowDangerouslySkipPermissions: agent.permissionMode === 'bypassPermissions',
    ...toPrompting(agent),
    hooks: gate,
    mcpServers: { ...mcpServers },
    // Their variables and headers over stdin: arguments can be read by everyone on the machine.
    mcpServersDelivery: 'initialize',
    ...(agent.subagents.length > 0 && { agents: toSubagents(agent), forwardSubagentText: true }),
    ...(agent.outputSchema !== null && {
      outputFormat: { type: 'json_schema', schema: { ...agent.outputSchema.json } },
    }),

    settingSources: [...agent.settingSources],
    strictMcpConfig: true,
    // Said of each prompt instead, see `toPrompt`: a kept process is told to forget by a command.
    verbatimPrompts: false,
    includePartialMessages: true,
  };
}

/** Claude Code has its question tool only where somebody could be asked; whom it asks is the gate. */
function toPrompting({ tools }: AgentSpec['agent']): Pick<Options, 'permissionPrompts' | 'canUseTool'> {
  if (!tools.includes(QUESTION_TOOL)) return { permissionPrompts: 'none' };
  return { canUseTool: async () => ({ behavior: 'deny', message: 'There is nobody to ask.' }) };
}

function toSubagents({ subagents }: AgentSpec['agent']): Record<string, AgentDefinition> {
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

function toThinking(kind: AgentSpec['agent']['thinking'], { maxThinkingTokens }: RunLimits): ThinkingConfig {
  if (kind === 'disabled' || maxThinkingTokens < MIN_THINKING_TOKENS) return { type: 'disabled' };
  return kind === 'adaptive' ? { type: 'adaptive' } : { type: 'enabled', budgetTokens: maxThinkingTokens };
}

function toSystemPrompt(systemPrompt: AgentSpec['agent']['systemPrompt']): Pick<Options, 'systemPrompt'> {
  if (systemPrompt === null) return {};
  if (typeof systemPrompt === 'string') return { systemPrompt };
  return { systemPrompt: { type: 'preset', preset: 'claude_code', append: systemPrompt.append } };
}
