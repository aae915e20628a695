import type { RunErrorCode } from '../core/errors.ts';
import type { MachineFault } from '../core/machine-fault.ts';

/**
 * `kind` is one of `auth`, `rate_limit`, `overloaded`, `invalid_request`, `not_found`, `too_large`,
 * `server_error`, `silent`, `unreachable`, `refused`; another one counts as the provider's error.
 */
export interface ProviderFailure {
  readonly kind: string;
  readonly status: number | null;
  readonly message: string;
  /** For a call that our own rules refused: what the run ends with. */
  readonly code?: RunErrorCode;
}

/**
 * `awaits_approval`: a tool use waits for a person, and no process waits with it. `unrecordable`: the database does not take
 * the attempt's events, and would not take them from another one.
 */
export type StopReason =
  | 'cancelled'
  | 'run_timeout'
  | 'handed_back'
  | 'lease_lost'
  | 'awaits_approval'
  | 'unrecordable';

/** What an attempt is ended for: a limit of ours, a server it cannot do without, or that nobody can hear it any more. */
export interface Breach {
  readonly code: 'memory_exceeded' | 'hung' | 'mcp_server_failed' | 'internal_error';
  readonly detail: string;
}

export type AgentOutcome =
  | { readonly status: 'succeeded'; readonly result: string; readonly structuredOutput?: unknown }
  /** `detail` is for operators only: it may hold paths and words of the provider. */
  | {
      readonly status: 'failed';
      readonly code: RunErrorCode;
      readonly detail: string;
      /** What the machine lacked to start or feed its process, where it is known to be that. */
      readonly fault?: MachineFault;
    }
  | { readonly status: 'stopped'; readonly reason: StopReason };

/** Why a process was not started, or did not get as far as to wait for a prompt. */
export type Refusal = Extract<AgentOutcome, { status: 'failed' }>;
