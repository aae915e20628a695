import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Access } from '../access/access.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import type { AcceptRuns } from '../run/accept/accept-runs.ts';
import type { EventHub } from '../stream/event-hub.ts';
import type { OpenStreams } from './open-streams.ts';
import type { ApiEnv } from './authenticate.ts';

/** Dependencies of the API. */
export interface ApiDeps {
  readonly access: Access;
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly hub: EventHub;
  readonly version: string;
  /** Longhaul's path below the address of its server: `/`, or for example `/api/longhaul`. */
  readonly basePath: string;
  /** Returns whether this process is about to stop. Defaults to never. */
  readonly isLeaving?: () => boolean;
  readonly log: Logger;
}

/** Dependencies of the routes that submit runs. */
export interface SubmitDeps extends ApiDeps {
  readonly acceptRuns: AcceptRuns;
}

/** Dependencies of every route. */
export interface RouteDeps extends SubmitDeps {
  readonly streams: OpenStreams;
  /** Rejects when the database accepts no writes. */
  readonly probeWrites: () => Promise<void>;
}

/** The Hono app that routes are added to. */
export type Api = OpenAPIHono<ApiEnv>;
