import { guarded } from '../core/guard.ts';
import { head } from '../core/text.ts';
import { toErrorAnswer } from './cloud-answer.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { UpstreamAnswer } from './upstream-client.ts';

/**
 * Waits for `promise`, and rejects as soon as `signal` aborts. The libraries that fetch credentials have no deadline.
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = guarded(() => aborted.reject(signal.reason));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Answers a call for which no credentials are available: as a failed sign-in, or as a temporary failure when the issuer
 * of the credentials could not be reached. The cause names files and hosts, so only the log contains it.
 */
export function withoutCredentials(error: unknown, { log, cloud }: { log: GatewayLog; cloud: string }): UpstreamAnswer {
  const isPassing = isUnreachable(error);
  log.error({ cloud, cause: toCause(error) }, 'No credentials were available for the model provider.');
  return toErrorAnswer({
    status: isPassing ? 503 : 401,
    message: isPassing
      ? `The issuer of credentials for ${cloud} could not be reached. The worker's log has details.`
      : `There are no credentials for ${cloud}, or they cannot be used. The worker's log has details.`,
  });
}

function toCause(error: unknown): string {
  return error instanceof Error ? head(`${error.name}: ${error.message}`, 500) : 'unknown';
}

const UNREACHABLE = /^(ECONN|ETIMEDOUT|EHOST|ENET|EAI_|EPIPE|ERR_SOCKET)/;

function isUnreachable(error: unknown): boolean {
  if (typeof error !== 'object' || error === null) return false;
  const {
    code,
    status,
    $metadata: metadata,
  } = error as {
    code?: unknown;
    status?: unknown;
    $metadata?: { httpStatusCode?: unknown };
  };
  const answered = Number(status ?? metadata?.httpStatusCode ?? 0);
  return answered >= 500 || answered === 429 || (typeof code === 'string' && UNREACHABLE.test(code));
}
