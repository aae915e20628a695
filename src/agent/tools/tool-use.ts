import type { PreToolUseHookInput } from '@anthropic-ai/claude-agent-sdk';
import type { CustomToolResult } from '../../core/custom-tools.ts';
import { toFields } from '../../core/untyped.ts';

/** The use of a tool that is about to begin. */
export interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** The name of the subagent that uses the tool; null in the main conversation. */
  readonly subagent: string | null;
}

/** The decision on a tool use: it may not begin, or it may, with another input if one is given. */
export type ToolUseDecision = { readonly deny: string } | { readonly input?: Readonly<Record<string, unknown>> };

/** The result of a tool that the client runs. */
export interface ToolUseResult {
  readonly result: CustomToolResult;
}

/**
 * Asks a person whether a tool may be used, or the client for the result of a tool that it runs. Aborted when the attempt
 * ends. A rejection denies the use. `later`: no decision or result has come yet, and the process should not wait; the use
 * is deferred, and asked about again when the conversation is resumed. Not for the uses of subagents, which cannot be
 * deferred.
 */
export type AskForToolUse = (use: ToolUse, signal: AbortSignal) => Promise<ToolUseDecision | ToolUseResult | 'later'>;

/** The tool with which the agent asks the user something. */
export const QUESTION_TOOL = 'AskUserQuestion';

/** The tool with which Claude Code takes a structured answer: it is the end of the agent's work, not part of it. */
export const OUTPUT_TOOL = 'StructuredOutput';

/** Converts a tool use from the form of Claude Code's hooks. */
export function toToolUse(
  input: Pick<PreToolUseHookInput, 'tool_name' | 'tool_input' | 'tool_use_id' | 'agent_type' | 'agent_id'>,
  toolUseId: string | undefined,
): ToolUse {
  return {
    id: toolUseId ?? input.tool_use_id,
    name: input.tool_name,
    input: toFields(input.tool_input),
    subagent: input.agent_id === undefined ? null : (input.agent_type ?? 'subagent'),
  };
}
