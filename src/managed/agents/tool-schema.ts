import { z } from 'zod';
import { findSchemaFault } from './check-input-schema.ts';
import { limitedText } from './limited-text.ts';
import { TOOL_NAMES, type ToolName } from './tool-names.ts';

const policy = z
  .strictObject(
    { type: z.enum(['always_allow', 'always_ask', 'auto'], 'must be "always_allow" or "always_ask"') },
    'must be an object with a type',
  )
  .nullish();

const setting = {
  enabled: z.boolean('must be true or false').nullish(),
  permission_policy: policy,
};

const defaultConfig = z.strictObject(setting, 'must be an object').nullish();

/** A filter or limit of the web tools that Longhaul cannot keep: any value is read, to be refused by name. */
const refusable = z.unknown().optional();

const domains = { allowed_domains: refusable, blocked_domains: refusable };

const toolConfig = z.discriminatedUnion(
  'name',
  [
    config('web_fetch', { ...domains, url_sources: refusable, max_content_tokens: refusable }),
    config('web_search', { ...domains, user_location: refusable }),
    ...TOOL_NAMES.filter((name) => name !== 'web_fetch' && name !== 'web_search').map((name) => config(name, {})),
  ],
  `must have the name of a tool: ${TOOL_NAMES.join(', ')}`,
);

function config<N extends ToolName, S extends z.ZodRawShape>(name: N, refused: S) {
  return z.strictObject({
    name: z.literal(name),
    type: z.literal(name, `must be "${name}"`).optional(),
    ...setting,
    ...refused,
  });
}

const agentToolset = z.strictObject({
  type: z.literal('agent_toolset_20260401'),
  default_config: defaultConfig,
  configs: z.array(toolConfig, 'must be a list of tools').nullish(),
});

const mcpToolset = z.strictObject({
  type: z.literal('mcp_toolset'),
  mcp_server_name: limitedText({ min: 1, max: 255 }),
  default_config: defaultConfig,
  configs: z
    .array(z.strictObject({ name: limitedText({ min: 1, max: 128 }), ...setting }), 'must be a list of tools')
    .nullish(),
});

/** Claude Code calls it by a longer name, `mcp__custom__NAME`, and names of tools have at most 128 characters. */
const CUSTOM_NAME = /^[A-Za-z0-9_-]{1,115}$/;

const customTool = z.strictObject({
  type: z.literal('custom'),
  name: z.string().regex(CUSTOM_NAME, 'must have 1 to 115 letters, digits, "_" or "-"'),
  // Claude Code would cut off a longer one.
  description: limitedText({ min: 1, max: 4_096 }),
  input_schema: z
    .looseObject(
      {
        type: z.literal('object', 'must be "object"'),
        properties: z.record(z.string(), z.unknown(), 'must be an object').nullish(),
        required: z.array(z.string('must be a text'), 'must be a list of texts').nullish(),
      },
      'must be a JSON schema with the type "object"',
    )
    .superRefine((schema, context) => {
      const message = findSchemaFault(schema);
      if (message !== null) context.addIssue({ code: 'custom', message });
    }),
});

/** A tool or set of tools as a client sends it. */
export const toolSchema = z.discriminatedUnion(
  'type',
  [agentToolset, mcpToolset, customTool],
  'must have the type "agent_toolset_20260401", "mcp_toolset" or "custom"',
);

export type ToolInput = z.output<typeof toolSchema>;
export type AgentToolsetInput = z.output<typeof agentToolset>;
export type McpToolsetInput = z.output<typeof mcpToolset>;
