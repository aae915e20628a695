import { z } from '@hono/zod-openapi';
import { withoutHealthAgent } from '../../config/health-agent.ts';
import { agentSchema } from '../contract.ts';
import { route } from '../route.ts';
import { json, problems } from './answers.ts';

export const listAgents = route(
  {
    method: 'get',
    path: '/v1/agents',
    operationId: 'listAgents',
    tag: 'Service',
    access: 'anyone',
    summary: 'List agents',
    responses: { 200: json(z.object({ data: z.array(agentSchema) }), 'All agents.'), ...problems(401) },
  },
  (context, { config }) => {
    const data = withoutHealthAgent(config.agents).map(({ name, model, tools, permissionMode, queue, limits }) => ({
      name,
      model,
      tools: [...tools],
      permissionMode,
      queue,
      limits,
    }));
    return context.json({ data }, 200);
  },
);
