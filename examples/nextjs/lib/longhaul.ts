import { createLonghaul, type Longhaul } from 'longhaul';

const shared = globalThis as { longhaul?: Longhaul };

// The process shares one instance: Next.js may load this file once for each route. It starts with the first request.
export const longhaul = (shared.longhaul ??= createLonghaul(
  { agents: { writer: { tools: [] } } },
  { basePath: '/api/longhaul' },
));
