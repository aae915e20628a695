import { z } from 'zod';
import { limitedText } from './limited-text.ts';
import { metadataChangeSchema, metadataSchema } from './metadata.ts';
import { toolSchema } from './tool-schema.ts';

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;

/** The model of an agent: its id, or an object. `null` is no model. */
const modelSchema = z.preprocess(
  (model) => (typeof model === 'string' ? { id: model } : model),
  z.strictObject(
    {
      id: limitedText({ min: 1, max: 256 }),
      effort: z.preprocess(
        (effort) => (typeof effort === 'string' ? { type: effort } : effort),
        z
          .strictObject({ type: z.enum(EFFORTS, `must be one of ${EFFORTS.join(', ')}`) }, 'must be a level of effort')
          .nullish(),
      ),
      speed: z.enum(['standard', 'fast'], 'must be "standard"').nullish(),
      inference_geo: z.string('must be a text').nullish(),
    },
    'must be the id of a model, or an object with its id',
  ),
);

const mcpServerSchema = z.strictObject(
  {
    type: z.literal('url', 'must be "url"'),
    name: limitedText({ min: 1, max: 255 }),
    url: limitedText({ min: 1, max: 2_048 }),
  },
  'must be an object with type, name and url',
);

/** Parts of an agent that a session may have otherwise. */
const overridable = {
  system: limitedText({ max: 100_000 }).nullish(),
  tools: z.array(toolSchema, 'must be a list of tools').max(256, 'must have at most 256 tools').nullish(),
  mcp_servers: z
    .array(mcpServerSchema, 'must be a list of MCP servers')
    .max(20, 'must have at most 20 MCP servers')
    .nullish(),
  skills: z.array(z.unknown(), 'must be a list of skills').nullish(),
};

const definition = {
  ...overridable,
  description: limitedText({ max: 2_048 }).nullish(),
  multiagent: z.unknown().optional(),
  execution_identity: z.looseObject({ type: z.string('must be a text') }, 'must be an object with a type').nullish(),
};

const name = limitedText({ min: 1, max: 256 });
const version = z.int('must be a whole number').min(1, 'must be 1 or more').optional();

/** A new agent as a client sends it. */
export const newAgentSchema = z.strictObject({
  name,
  model: modelSchema,
  ...definition,
  metadata: metadataSchema.nullish(),
});

/** A change of an agent: a field that is left out stays. */
export const agentChangeSchema = z.strictObject({
  version,
  name: name.optional(),
  model: modelSchema.optional(),
  ...definition,
  metadata: metadataChangeSchema.nullish(),
});

/** Parts of an agent that replace its own in a session: a field that is left out is the agent's. */
export const agentOverridesSchema = z.strictObject({ model: modelSchema.optional(), ...overridable });

const agentId = z.string('must be the id of an agent').min(1, 'must be the id of an agent');

const toReference = (agent: unknown) => (typeof agent === 'string' ? { type: 'agent', id: agent } : agent);

/** The agent of a deployment: its id, or a reference with a version. */
export const agentReferenceSchema = z.preprocess(
  toReference,
  z.strictObject(
    { type: z.literal('agent', 'must be "agent"'), id: agentId, version },
    'must be the id of an agent, or an object with the type "agent"',
  ),
);

/** The agent of a new session: its id, a reference with a version, or a reference with overrides. */
export const agentParamsSchema = z.preprocess(
  toReference,
  z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('agent'), id: agentId, version }),
      z.strictObject({
        type: z.literal('agent_with_overrides'),
        id: agentId,
        version,
        ...agentOverridesSchema.shape,
      }),
    ],
    'must be the id of an agent, or an object with the type "agent" or "agent_with_overrides"',
  ),
);

export type NewAgent = z.output<typeof newAgentSchema>;
export type AgentChange = z.output<typeof agentChangeSchema>;
export type AgentOverrides = z.output<typeof agentOverridesSchema>;
export type ModelInput = z.output<typeof modelSchema>;
