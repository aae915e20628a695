import { REQUEST_ERRORS, RUN_ERRORS } from '../src/core/errors.ts';
import { RESTART_EXIT_CODE } from '../src/core/exit-codes.ts';

/** `docs/errors.md`, from the table in the code. */
export function toErrorsPage(): string {
  const table = (kinds: typeof RUN_ERRORS | typeof REQUEST_ERRORS) =>
    Object.entries(kinds)
      .map(
        ([code, { httpStatus, exitCode, isRetryable, message }]) =>
          `| \`${code}\` | ${httpStatus} | ${exitCode} | ${isRetryable ? 'yes' : 'no'} | ${message} |`,
      )
      .join('\n');
  const header =
    '| code | HTTP status | exit code | another try may help | what a user reads |\n|---|---|---|---|---|\n';
  return `# Errors

Every code is stable: programs may depend on it. The words are safe to show to an end user; what really
went wrong is in the log and, for keys of operators, in \`error.detail\`.

## How a run can end without success

In \`error.code\` of a run and in \`run.failed\`. A command that follows the run exits with the exit code.

${header}${table(RUN_ERRORS)}

## How a request or a command can be refused

As \`code\` of a problem document (RFC 9457), and as the exit code of a command.

${header}${table(REQUEST_ERRORS)}

## Exit codes that are no error

| exit code | what ended |
|---|---|
| 0 | a command that did what it was asked; a service that was told to stop; a worker that was told to drain |
| ${RESTART_EXIT_CODE} | a worker that has grown above \`worker.restartAboveMb\` and left in good order: start it again |
| 130 | a command that follows a run was stopped by Ctrl-C; the run continues |
`;
}
