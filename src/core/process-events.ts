import { inBackground } from './guard.ts';

/**
 * The events of this process that operators measure, by name. Rooms report them where they happen; the room `metrics`
 * listens. Values never contain prompts, secrets or identities.
 */
export interface ProcessEvents {
  /** An HTTP request was answered. `route` is the declared path; null when no route matched. */
  readonly 'http.answered': {
    readonly method: string;
    readonly route: string | null;
    readonly status: number;
    readonly durationMs: number;
  };
  /** A submission was accepted, recognized as a repetition, or rejected. */
  readonly 'run.submitted': { readonly agent: string; readonly result: SubmissionResult };
  readonly 'stream.opened': { readonly transport: StreamTransport };
  readonly 'stream.closed': { readonly transport: StreamTransport };
  /** Events were handed to a stream's client, this long after they were written. */
  readonly 'stream.sent': { readonly transport: StreamTransport; readonly lagMs: number };
  /** A stream was closed because its client did not read. */
  readonly 'stream.dropped': { readonly transport: StreamTransport };
  /** The first attempt of a run was claimed. */
  readonly 'run.claimed': { readonly agent: string; readonly waitMs: number };
  /** The first text of an attempt arrived. */
  readonly 'attempt.answered': { readonly agent: string; readonly start: AttemptStart; readonly durationMs: number };
  /** An attempt was settled. */
  readonly 'attempt.ended': {
    readonly agent: string;
    readonly peakMemoryBytes: number | null;
    /** Null while its run continues. */
    readonly run: {
      readonly status: string;
      readonly durationMs: number;
      readonly costUsd: number;
      readonly turns: number;
    } | null;
  };
  /** The result of a tool arrived. */
  readonly 'tool.ended': { readonly name: string; readonly isError: boolean; readonly durationMs: number };
  /** The gateway has finished with a model call. */
  readonly 'model.called': {
    readonly provider: string;
    readonly model: string;
    readonly outcome: ModelCallOutcome;
    readonly durationMs: number;
    /** Time until the answer began; null when it did not begin. */
    readonly firstByteMs: number | null;
  };
  /** A Claude Code process was started for an attempt (`cold`) or in advance (`spare`). */
  readonly 'process.started': { readonly agent: string; readonly kind: 'cold' | 'spare' };
  /** A Claude Code process was ended; `step` is the step of the ladder that sufficed. */
  readonly 'process.ended': { readonly step: 'exited' | 'result' | 'interrupt' | 'term' | 'kill' };
  /** A process in a sandbox made a connection, or was refused one. */
  readonly 'sandbox.connected': { readonly agent: string; readonly decision: 'allowed' | 'refused' };
  /** Processes that a dead worker had left behind were ended. */
  readonly 'orphans.ended': { readonly count: number };
  /** The run of another worker that was lost was taken over. */
  readonly 'run.taken_over': Nothing;
  readonly 'lease.lost': Nothing;
  /** The backend that wakes workers is away, repeatedly, or answers again. */
  readonly 'queue.backend': { readonly kind: string; readonly isAway: boolean };
  /** The size of the events that wait for the database has changed. */
  readonly 'events.buffered': { readonly characters: number };
  /** A batch of events was written. */
  readonly 'events.written': { readonly durationMs: number };
}

/** An event that has no facts beside its name. */
type Nothing = Readonly<Record<string, never>>;

export type SubmissionResult = 'accepted' | 'repeated' | 'rate_limited' | 'budget' | 'rejected';
export type StreamTransport = 'sse' | 'websocket';
/**
 * The origin of an attempt's process. `warm`: the process of the session's last run, with the conversation. `reused`: a
 * process that had served the same user before, with an empty one.
 */
export type AttemptStart = 'cold' | 'spare' | 'warm' | 'reused';
/**
 * `budget`, `turns`, `refused`: rejected by the gateway. `cut`: ended by the process or its attempt. `broken`: the
 * provider did not finish its answer.
 */
export type ModelCallOutcome =
  | 'ok'
  | 'budget'
  | 'turns'
  | 'refused'
  | '429'
  | '529'
  | '4xx'
  | '5xx'
  | 'cut'
  | 'silent'
  | 'broken'
  | 'unreachable';

type Name = keyof ProcessEvents;
type Listener<N extends Name> = (facts: ProcessEvents[N]) => void;

/** Of the whole process: two Longhauls in one process are measured together, as its memory is. */
const listeners = new Map<Name, Set<Listener<never>>>();

/** Reports an event. Costs nothing while nobody listens, and never throws. */
export function report<N extends Name>(name: N, facts: ProcessEvents[N]): void {
  const interested = listeners.get(name);
  if (interested === undefined) return;
  for (const listener of interested) inBackground(() => (listener as Listener<N>)(facts));
}

/** Listens to an event until the returned function is called. */
export function onReport<N extends Name>(name: N, listener: Listener<N>): () => void {
  const interested = listeners.get(name) ?? new Set();
  listeners.set(name, interested);
  interested.add(listener);
  return () => {
    interested.delete(listener);
    if (interested.size === 0) listeners.delete(name);
  };
}
