import { TOOL_NAMES as CLAUDE_CODE_NAMES } from '../tool-names.ts';

/** A tool of `agent_toolset_20260401`. */
export type ToolName = keyof typeof CLAUDE_CODE_NAMES;

export const TOOL_NAMES = Object.keys(CLAUDE_CODE_NAMES) as readonly ToolName[];

/** Returns whether a list of tools by Claude Code's names has a tool. */
export function includesTool(tools: readonly string[], name: ToolName): boolean {
  return tools.includes(CLAUDE_CODE_NAMES[name]);
}
