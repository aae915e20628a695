import { createLonghaul, type Longhaul } from 'longhaul';

const shared = globalThis as { longhaul?: Longhaul };

// One for the process: Next.js may load this file once for each route. It starts with the first request.
export const longhaul = (shared.longhaul ??= createLonghaul(
  { agents: { writer: { tools: [] } } },
  { basePath: '/api/longhaul' },
));
