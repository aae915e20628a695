import type { Bench } from '../bench.ts';

/** Longhaul, and the programs that people would write instead, in the order of the table. */
export const CONTENDERS = ['longhaul', 'sdkHandler', 'bullmq', 'pgBoss'] as const;
export type Contender = (typeof CONTENDERS)[number];

/** An event of a run as a reader of its stream receives it. */
export type HeardEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'ended'; readonly isSuccess: boolean };

/** A submission that was accepted. */
export interface SubmittedRun {
  readonly id: string;
  /**
   * Follows the run until it ends or the connection breaks, from its first event. Returns the whole text as a client of
   * this contender shows it. A run of `sdkHandler` has this one reader.
   */
  follow(hear?: (event: HeardEvent) => void): Promise<FollowedRun>;
}

export interface FollowedRun {
  /** The text without what a later attempt has replaced. */
  readonly text: string;
  /** Null: the stream ended without the end of the run. */
  readonly isSuccess: boolean | null;
}

export interface RunningProcess {
  readonly pid: number;
  /** Ends it, runs in progress included. */
  stop(): Promise<void>;
}

/** Programs that were started together, with a database or Redis. */
export interface Stack {
  /** Returns null when the submission was refused for the budget. Resolves as soon as it is accepted. */
  submit(prompt: string, user?: string): Promise<SubmittedRun | null>;
  /** Starts a worker, with its own key of the provider. */
  startWorker(apiKey: string): Promise<RunningProcess>;
  /** True when the server executes the runs itself: `startWorker` then starts this one process. */
  readonly isOneProcess: boolean;
  /** The process that readers connect to. */
  serverPid(): number;
  /** The database or Redis; null when there is none. */
  readonly backendPid: number | null;
  /** Opens another reader of a run; resolves once it is connected. Null when a run has only one reader. */
  readonly openReader: ((id: string, hear: (event: HeardEvent) => void) => Promise<void>) | null;
}

export interface StackOptions {
  readonly bench: Bench;
  readonly modelUrl: string;
  /** The directory that the agents read. */
  readonly workspace: string;
  /** True when processes may be started before runs need them. */
  readonly isWarm: boolean;
  /** Most dollars a run may cost. */
  readonly runBudgetUsd?: number;
  /** Most dollars that all runs may cost in a day. Defaults to no limit. */
  readonly dayBudgetUsd?: number;
  /** Variables of the server alone. */
  readonly serverVariables?: Readonly<Record<string, string>>;
}

/** Starts the programs of a contender, without a worker. */
export type StartStack = (options: StackOptions) => Promise<Stack>;
