import { REQUEST_ERRORS, RUN_ERRORS } from '../core/errors.ts';

/** Exit codes of a shell that cannot start the command, because Node is not in `PATH` for example. */
const NOT_STARTED = [126, 127];

/**
 * Exit codes after which the same process would end the same way again: a supervisor has to leave it until somebody has
 * mended the cause.
 */
export const FAILED_FOR_GOOD: readonly number[] = [
  ...(['usage', 'config_invalid', 'config_not_found', 'schema_too_new', 'database_unsuitable'] as const).map(
    (code) => REQUEST_ERRORS[code].exitCode,
  ),
  RUN_ERRORS.sandbox_unavailable.exitCode,
  ...NOT_STARTED,
].toSorted((left, right) => left - right);
