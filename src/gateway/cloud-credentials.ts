import { guarded } from '../core/guard.ts';
import { head } from '../core/text.ts';
import { toErrorAnswer } from './cloud-answer.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { UpstreamAnswer } from './upstream-client.ts';

/** `promise`, or a rejection as soon as `signal` aborts. What fetches credentials has no deadline of its own. */
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
 * How a call is answered for which no credentials could be had: as a refused sign-in, or as a failure that passes when
 * those who issue them could not be reached. The cause names files and hosts, which are for the log alone.
 */
export function withoutCredentials(error: unknown, { log, cloud }: { log: GatewayLog; cloud: string }): UpstreamAnswer {
  const isPassing = isUnreachable(error);
  log.error({ cloud, cause: toCause(error) }, 'No credentials could be had for the model provider.');
  return toErrorAnswer({
    status: isPassing ? 503 : 401,
    message: isPassing
      ? `Those who issue credentials for ${cloud} could not be reached. The worker's log says more.`
      : `There are no credentials for ${cloud}, or they cannot be used. The worker's log says more.`,
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
