import type { Config } from '../config/config.ts';
import type { Logger } from '../core/log.ts';
import type { Database } from '../db/database.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Queue } from '../queue/queue.ts';
import type { Claimer } from './claimer.ts';
import type { FreeMemory } from './free-memory.ts';
import type { Governor } from './governor.ts';
import type { Presence } from './presence.ts';
import type { RunningAttempts } from './running-attempts.ts';
import type { Spares } from './spares.ts';

export interface WorkerDeps {
  /** The worker's id, a UUID. Defaults to a new one. */
  readonly id?: string;
  readonly config: Config;
  readonly database: Database;
  readonly queue: Queue;
  readonly gateway: Gateway;
  /** The known limits of the provider. Without it each run meets them itself. */
  readonly governor?: Pick<Governor, 'findProviderLimit'>;
  readonly version: string;
  /** True when the process serves only the worker, and may end when the worker does. */
  readonly isAlone: boolean;
  /** True when the process is Longhaul's own, so that its temporary files may be moved. Defaults to `isAlone`. */
  readonly ownsProcess?: boolean;
  readonly log: Logger;
  /** Reads the memory that new processes may take. Defaults to the system's figure. */
  readonly readFreeMemory?: () => FreeMemory;
  /** Reads the resident memory of this process. Defaults to the system's figure. */
  readonly readResidentBytes?: () => number;
}

/** The reason why a worker left although its process was not asked to stop. */
export type LeaveReason = 'drain_requested' | 'memory';

/** A worker's state. It gets its parts while it opens; each is null until then. */
export interface WorkerState {
  readonly id: string;
  readonly deps: WorkerDeps;
  readonly attempts: RunningAttempts;
  /** Ends the parts that were opened, in the opposite order. */
  readonly closers: (() => Promise<void> | void)[];
  /** Resolved when the first attempt has ended. */
  readonly firstFinished: PromiseWithResolvers<void>;
  /** Resolved when the worker begins to stop. */
  readonly leaving: PromiseWithResolvers<void>;
  claimer: Claimer | null;
  presence: Presence | null;
  spares: Spares | null;
  /** True when no more runs may be claimed. */
  isDraining: boolean;
}

/** Logs the failure of a task that nobody waits for. */
export function logFailure({ deps }: WorkerState, err: unknown): void {
  deps.log.error({ err }, 'a background task of the worker failed');
}

/** Shows a change, and claims runs if there is room for them now. */
export function noteChange({ presence, claimer }: WorkerState): void {
  presence?.update();
  claimer?.wake();
}
