import type { RunErrorCode } from '../core/errors.ts';

/** Facts about a model call before it is sent. */
export interface AdmissionRequest {
  readonly attemptId: string;
  readonly model: string;
  /** Null when the request names none. */
  readonly maxTokens: number | null;
}

/** The decision on a model call. `message` goes to the agent's process. */
export type Admission =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: RunErrorCode; readonly message: string };

/** Decides on each model call. This is where rules on money belong. If it throws, the call is rejected for now. */
export type Admit = (request: AdmissionRequest) => Promise<Admission> | Admission;
