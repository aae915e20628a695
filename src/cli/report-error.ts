import { inspect } from 'node:util';
import { CommanderError } from 'commander';
import { LonghaulApiError, LonghaulNetworkError } from '../client/errors.ts';
import { ERRORS, LonghaulError, toMessage, type ErrorCode, type FieldError } from '../core/errors.ts';
import { toLogLine } from './log-line.ts';
import type { Shell } from './shell.ts';
import { toTerminalText } from './terminal-text.ts';

interface Report {
  readonly code: ErrorCode;
  readonly message: string;
  /** The wrong fields, when the message does not name them itself. */
  readonly errors: readonly FieldError[];
}

/** Next steps, for messages that are not specific to a command. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  config_not_found: `A first longhaul.config.ts:
  export default {
    agents: { reader: { tools: ['Read', 'Grep', 'Glob'], workspace: './workspace' } },
  };`,
};

/** Reports on standard error why a command failed, and sets the exit code of the error. */
export function reportError(shell: Shell, thrown: unknown): void {
  // The parser has already reported the error; help and version are not errors.
  if (thrown instanceof CommanderError) {
    shell.exitCode = thrown.exitCode === 0 ? 0 : ERRORS.usage.exitCode;
    return;
  }
  const { code, message, errors } = toReport(thrown);
  shell.stderr.line(`longhaul: ${toTerminalText(message)}`);
  for (const { path, message } of errors) shell.stderr.line(`  ${toTerminalText(`${path} ${message}`)}`);
  const hint = HINTS[code];
  if (hint !== undefined) shell.stderr.line(hint);
  if (shell.env['LONGHAUL_LOG_LEVEL'] === 'debug') shell.stderr.line(toTerminalText(inspect(thrown)));
  shell.exitCode = ERRORS[code].exitCode;
}

/** Reports the same as a log line, for a process whose standard error is the log. */
export function reportToLog(shell: Shell, thrown: unknown): void {
  const { code, message } = toReport(thrown);
  const hint = HINTS[code];
  shell.stderr.line(toLogLine({ code }, hint === undefined ? message : `${message} ${hint}`, 60));
  shell.exitCode = ERRORS[code].exitCode;
}

function toReport(thrown: unknown): Report {
  if (thrown instanceof LonghaulError) return { code: thrown.code, message: thrown.message, errors: [] };
  if (thrown instanceof LonghaulNetworkError) {
    return {
      code: 'server_unreachable',
      message: `No Longhaul server answers at ${thrown.url} (${toReason(thrown.cause)}). Start it with: longhaul start`,
      errors: [],
    };
  }
  if (thrown instanceof LonghaulApiError) return toRefusal(thrown);
  return { code: 'internal_error', message: toMessage(thrown), errors: [] };
}

function toRefusal({ code, message, problem }: LonghaulApiError): Report {
  if (code === 'invalid_request') return { code, message: problem.title, errors: problem.errors ?? [] };
  return { code: isErrorCode(code) ? code : 'unavailable', message, errors: [] };
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}

/** `fetch` hides the reason in the cause. */
function toReason(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return (inner as NodeJS.ErrnoException | null)?.code ?? toMessage(inner);
}
