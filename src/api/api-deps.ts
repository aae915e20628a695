import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Access } from '../access/access.ts';
import type { Config } from '../config/config.ts';
import type { InTurn } from '../core/in-turn.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import type { SubmitRuns } from '../run/submit-together.ts';
import type { EventHub } from '../stream/event-hub.ts';
import type { RateLimits } from './rate-limits.ts';
import type { ApiEnv } from './authenticate.ts';

/** What the routes work with. */
export interface ApiDeps {
  readonly access: Access;
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly hub: EventHub;
  readonly version: string;
  /** Where Longhaul is, below the address of its server: `/`, or such as `/api/longhaul`. */
  readonly basePath: string;
  /** Whether this process is about to stop. Defaults to never. */
  readonly isLeaving?: () => boolean;
  readonly log: Logger;
}

/** What those routes work with that submit runs. */
export interface SubmitDeps extends ApiDeps {
  readonly rateLimits: RateLimits;
  /** Requests that come with one idempotency key at once. */
  readonly inTurn: InTurn;
  readonly submitRuns: SubmitRuns;
}

/** The Hono app that routes are added to. */
export type Api = OpenAPIHono<ApiEnv>;
