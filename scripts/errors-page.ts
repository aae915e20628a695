import { REQUEST_ERRORS, RUN_ERRORS } from '../src/core/errors.ts';
import { RESTART_EXIT_CODE } from '../src/core/exit-codes.ts';

/** Returns `docs/errors.md`, from the table in the code. */
export function toErrorsPage(): string {
  const table = (kinds: typeof RUN_ERRORS | typeof REQUEST_ERRORS) =>
    Object.entries(kinds)
      .map(
        ([code, { httpStatus, exitCode, isRetryable, message }]) =>
          `| \`${code}\` | ${httpStatus} | ${exitCode} | ${isRetryable ? 'yes' : 'no'} | ${message} |`,
      )
      .join('\n');
  const header = '| code | HTTP status | exit code | retryable | message for users |\n|---|---|---|---|---|\n';
  return `# Errors

Every code is stable: programs may depend on it. The messages are safe to show to an end user; the actual
cause is in the log and, for keys of operators, in \`error.detail\`.

## Errors of runs

In \`error.code\` of a run and in \`run.failed\`. A command that follows the run exits with the exit code.

${header}${table(RUN_ERRORS)}

## Errors of requests and commands

As \`code\` of a problem document (RFC 9457), and as the exit code of a command.

${header}${table(REQUEST_ERRORS)}

## Exit codes that are not errors

| exit code | meaning |
|---|---|
| 0 | a command succeeded; a service was stopped; a worker was drained |
| ${RESTART_EXIT_CODE} | a worker grew above \`worker.restartAboveMb\` and stopped in good order: start it again |
| 130 | a command that follows a run was stopped by Ctrl-C; the run continues |
`;
}
