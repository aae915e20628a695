import { LonghaulError, type ErrorCode } from '../../core/errors.ts';
import { maskSecrets } from '../../core/mask-secrets.ts';
import { withoutFiguresOfOthers } from '../../run/money/budget-error.ts';
import { ManagedError } from '../error.ts';

/** The reason why a deployment started no session, as clients see it. */
export interface RunError {
  readonly type: string;
  readonly message: string;
}

/** Errors that last until somebody acts, so that the clock need not try again. */
const LASTING = ['agent_archived', 'environment_archived', 'environment_not_found'] as const;

type Lasting = (typeof LASTING)[number];

/** Errors that time mends. */
const PASSING: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'user_budget', 'team_budget', 'global_budget']);

/** Returns the reason why a session was refused; null for a failure of Longhaul's own. */
export function toRunError(error: unknown): RunError | null {
  if (error instanceof ManagedError) {
    if (error.status >= 500) return null;
    const code = error.details?.['error_code'];
    const lasting = LASTING.find((known) => known === code);
    return {
      type: lasting === undefined ? 'session_creation_rejected_error' : `${lasting}_error`,
      message: error.message,
    };
  }
  if (!(error instanceof LonghaulError) || error.code === 'database_unavailable') return null;
  // The owner of the deployment reads this text, so it must not contain an operator's figures.
  const { message } = withoutFiguresOfOthers(error) as LonghaulError;
  const type = isPassing(error) ? 'session_rate_limited_error' : 'session_creation_rejected_error';
  return { type, message: maskSecrets(message) };
}

/** Returns whether time mends an error. */
export function isPassing(error: unknown): boolean {
  return error instanceof LonghaulError && PASSING.has(error.code);
}

/** Returns the reason for which an error pauses its deployment; null: it does not. */
export function toPausedReason({ type }: RunError): Lasting | null {
  return LASTING.find((known) => type === `${known}_error`) ?? null;
}
