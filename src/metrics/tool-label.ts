import type { Config } from '../config/config.ts';
import { OTHER } from './totals.ts';

/**
 * Creates a function that returns the label of a tool: its name if the configuration names it, the name of its MCP
 * server if that has all tools allowed, else `other`. A model can ask for any name.
 */
export function createToolLabel({ agents }: Pick<Config, 'agents'>): (tool: string) => string {
  const configured = new Set(
    [...agents.values()].flatMap(({ tools }) => tools.map((tool) => tool.replace(/__\*$/, ''))),
  );
  return (tool) => {
    if (configured.has(tool)) return tool;
    const [server = ''] = /^mcp__.+?(?=__)/.exec(tool) ?? [];
    return configured.has(server) ? server : OTHER;
  };
}
