import { z } from 'zod';
import { limitedText } from '../agents/limited-text.ts';
import { agentOverridesSchema, agentParamsSchema } from '../agents/agents.ts';
import { budgetSchema } from './budget.ts';
import { metadataChangeSchema, metadataSchema } from '../agents/metadata.ts';

const title = limitedText({ max: 1_000 }).nullish();

/** A new session as a client sends it. */
export const newSessionSchema = z.strictObject({
  agent: agentParamsSchema,
  environment_id: z.string('must be the id of an environment'),
  title,
  metadata: metadataSchema.nullish(),
  budget: budgetSchema.nullish(),
  initial_events: z
    .array(z.looseObject({ type: z.string() }))
    .max(50, 'must have at most 50 events')
    .nullish(),
  resources: z.array(z.unknown(), 'must be a list').nullish(),
  vault_ids: z.array(z.string(), 'must be a list of ids').nullish(),
});

/** A change of a session: a field that is left out stays. */
export const sessionChangeSchema = z.strictObject({
  title,
  metadata: metadataChangeSchema.nullish(),
  budget: budgetSchema.nullish(),
  agent: agentOverridesSchema.pick({ tools: true, mcp_servers: true }).nullish(),
  vault_ids: z.unknown().optional(),
});

export type NewSessionBody = z.output<typeof newSessionSchema>;
