import type { AgentToolset, ToolSetting } from './agent-snapshot.ts';
import { TOOL_NAMES, type ToolName } from './tool-names.ts';

/** Returns the setting of a tool in a toolset: its own, else the default. */
export function findSetting({ default_config: defaults, configs }: AgentToolset, name: ToolName): ToolSetting {
  return configs.find((config) => config.name === name) ?? defaults;
}

/** Returns the tools of a toolset that are enabled. */
export function findEnabled(toolset: AgentToolset): ToolName[] {
  return TOOL_NAMES.filter((name) => findSetting(toolset, name).enabled);
}
