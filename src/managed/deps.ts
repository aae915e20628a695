import type { Hono } from 'hono';
import type { Access, Identity } from '../access/access.ts';
import type { Caller } from '../access/caller.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Queue } from '../queue/queue.ts';
import type { EventHub } from '../stream/event-hub.ts';

/** Dependencies of the routes for clients of Claude Managed Agents. */
export interface ManagedDeps {
  readonly access: Access;
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly hub: EventHub;
  /** Returns whether this process is about to stop. */
  readonly isLeaving: () => boolean;
  readonly log: Logger;
}

/** Data about a request. */
export interface ManagedEnv {
  Bindings: {
    /** The request as it was received. */
    original: Request;
  };
  Variables: {
    /** `req_…`, on every answer and in the log. */
    requestId: string;
    caller: Caller;
    identity: Identity;
  };
}

/** The Hono app that routes are added to. */
export type ManagedApi = Hono<ManagedEnv>;
