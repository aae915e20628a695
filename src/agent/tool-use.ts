import type { PreToolUseHookInput } from '@anthropic-ai/claude-agent-sdk';
import { toFields } from '../core/untyped.ts';

/** The use of a tool that is about to begin. */
export interface ToolUse {
  readonly id: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
  /** The subagent that uses it, by its name; null in the main conversation. */
  readonly subagent: string | null;
}

/** What was decided of a tool use: it may not begin, or it may, with another input where one is given. */
export type ToolUseDecision = { readonly deny: string } | { readonly input?: Readonly<Record<string, unknown>> };

/**
 * Asks a person whether a tool may be used. Aborted when the attempt ends. A rejection denies the use. `later`: nobody has
 * decided yet, and the process is not to wait for it; the use is put off, and asked about again when the conversation is
 * taken up. Not for the uses of subagents, which cannot be put off.
 */
export type AskForToolUse = (use: ToolUse, signal: AbortSignal) => Promise<ToolUseDecision | 'later'>;

/** The tool by which the agent asks the user something. */
export const QUESTION_TOOL = 'AskUserQuestion';

/** The tool by which Claude Code takes an answer that has to have a form: no work of the agent's, but its end. */
export const OUTPUT_TOOL = 'StructuredOutput';

/** A tool use as Claude Code's hooks tell it. */
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
