import type { FieldError } from '../core/errors.ts';

/** The backend that wakes workers instead of the database. */
export type QueueBackendConfig =
  | { readonly kind: 'redis'; readonly url: string }
  /** `endpoint` is null for AWS's own. */
  | { readonly kind: 'sqs'; readonly region: string; readonly endpoint: string | null };

interface Variables {
  readonly LONGHAUL_QUEUE_URL?: string | undefined;
  readonly LONGHAUL_DATABASE_URL?: string | undefined;
}

/** Returns the backend, null for the database alone. Errors never contain the URL, which may have a password. */
export function resolveQueueBackend(
  { url: option }: { readonly url?: string | undefined },
  { LONGHAUL_QUEUE_URL: variable, LONGHAUL_DATABASE_URL: databaseUrl }: Variables,
): { readonly value: QueueBackendConfig | null; readonly errors: readonly FieldError[] } {
  const path = variable === undefined ? 'queue.url' : 'LONGHAUL_QUEUE_URL';
  const given = variable ?? option;
  if (given === undefined) return { value: null, errors: [] };
  const refuse = (message: string) => ({ value: null, errors: [{ path, message }] });
  if (!URL.canParse(given))
    return refuse('is no valid URL; encode special characters of a password, such as %23 for #');
  const url = new URL(given);
  if (variable === undefined && url.password !== '') {
    return refuse(
      'contains a password, and the file is no place for one; set LONGHAUL_QUEUE_URL, or LONGHAUL_QUEUE_URL_FILE to the path of a file with it',
    );
  }
  if (databaseUrl === undefined) {
    return refuse(
      'names a backend that wakes workers of several processes, but the embedded database serves only one; unset it, or set LONGHAUL_DATABASE_URL to a PostgreSQL database',
    );
  }
  return url.protocol === 'sqs:' ? resolveSqs(url, refuse) : resolveRedis(given, url, refuse);
}

type Refuse = (message: string) => { readonly value: null; readonly errors: readonly FieldError[] };

function resolveRedis(given: string, url: URL, refuse: Refuse) {
  if (url.hostname === '') return refuse('names no host; it must be redis://HOST:PORT');
  if (!/^\/?\d*$/.test(url.pathname)) {
    return refuse('has a path that is not the number of a database; it must be redis://HOST:PORT/NUMBER');
  }
  if (url.search !== '') return refuse('has options after "?", which Longhaul does not know; leave them out');
  return { value: { kind: 'redis', url: given } as const, errors: [] };
}

function resolveSqs(url: URL, refuse: Refuse) {
  if (url.username !== '' || url.password !== '') {
    return refuse("contains credentials; leave them out: the AWS SDK's own chain finds them, as in AWS_ACCESS_KEY_ID");
  }
  if (!/^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(url.hostname) || !/^\/?$/.test(url.pathname) || url.port !== '') {
    return refuse('must be sqs://REGION, such as sqs://eu-west-1');
  }
  const endpoint = url.searchParams.get('endpoint');
  if ([...url.searchParams.keys()].some((name) => name !== 'endpoint')) {
    return refuse('has an option that Longhaul does not know; the only one is ?endpoint=https://HOST');
  }
  if (endpoint !== null && !/^https?:\/\/[^/]/.test(endpoint)) {
    return refuse('has an endpoint that is no http or https URL, such as ?endpoint=https://HOST');
  }
  return { value: { kind: 'sqs', region: url.hostname, endpoint } as const, errors: [] };
}
