import type { RunErrorCode } from '../core/errors.ts';

/** What is known of a model call before it is sent. */
export interface AdmissionRequest {
  readonly attemptId: string;
  readonly model: string;
  /** Null when the request names none. */
  readonly maxTokens: number | null;
}

/** Whether a model call may be sent. `message` goes to the agent's process. */
export type Admission =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: RunErrorCode; readonly message: string };

/** Decides on each model call: the place of the rules on money. One that throws refuses the call for now. */
export type Admit = (request: AdmissionRequest) => Promise<Admission> | Admission;
