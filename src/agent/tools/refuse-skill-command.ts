import type { HookCallback } from '@anthropic-ai/claude-agent-sdk';

/**
 * Refuses a shell command that the text of a skill contains. Claude Code runs it while it loads the skill: without a
 * tool use, so that neither hooks nor a person would be asked, and no event would show it.
 */
export const refuseSkillCommand: HookCallback = async (input) => {
  if (input.hook_event_name !== 'PreSkillShellCommand') return {};
  return {
    hookSpecificOutput: {
      hookEventName: 'PreSkillShellCommand',
      permissionDecision: 'deny',
      permissionDecisionReason: `commands inside a skill are not run; the skill may tell the model to run them with ${input.tool_name}`,
    },
  };
};
