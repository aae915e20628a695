import type { RunErrorCode } from '../../core/errors.ts';
import type { MachineFault } from '../../core/machine-fault.ts';

/**
 * `kind` is one of `auth`, `rate_limit`, `overloaded`, `invalid_request`, `not_found`, `too_large`, `server_error`,
 * `silent`, `unreachable`, `refused`; any other value counts as an error of the provider.
 */
export interface ProviderFailure {
  readonly kind: string;
  readonly status: number | null;
  readonly message: string;
  /** The code with which the run ends, for a call that our own rules rejected. */
  readonly code?: RunErrorCode;
}

/**
 * `awaits_approval`: a tool use waits for a person, and no process waits with it. `unrecordable`: the database rejects
 * the attempt's events, and would reject those of another attempt too.
 */
export type StopReason =
  | 'cancelled'
  | 'run_timeout'
  | 'handed_back'
  | 'lease_lost'
  | 'awaits_approval'
  | 'unrecordable';

/**
 * The reason why we end an attempt: a limit, a missing server that it needs, or events that can no longer be recorded.
 */
export interface Breach {
  readonly code:
    | 'memory_exceeded'
    | 'processes_exceeded'
    | 'open_files_exceeded'
    | 'disk_exceeded'
    | 'hung'
    | 'mcp_server_failed'
    | 'internal_error';
  readonly detail: string;
}

export type AgentOutcome =
  | { readonly status: 'succeeded'; readonly result: string; readonly structuredOutput?: unknown }
  /** `detail` is for operators only: it may contain paths and the provider's words. */
  | {
      readonly status: 'failed';
      readonly code: RunErrorCode;
      readonly detail: string;
      /** The kind of content that the model refused, if the provider named one. */
      readonly category?: string;
      /** The fault of the machine that kept the process from starting or working, if known. */
      readonly fault?: MachineFault;
    }
  | { readonly status: 'stopped'; readonly reason: StopReason };

/** The reason why a process was not started, or never became ready for a prompt. */
export type Refusal = Extract<AgentOutcome, { status: 'failed' }>;

/** The error with which the SDK's stream of messages ended. */
export interface Thrown {
  readonly errorClass: string | null;
  readonly message: string;
  /** The machine's fault, if that was the cause. */
  readonly fault?: MachineFault | null;
}
