/**
 * The typed client of Longhaul's HTTP API. Runs in browsers as well as in Node: it needs `fetch` and
 * nothing else.
 */
import type {
  AuditVerificationResource,
  BudgetChange,
  BudgetResource,
  CostsResource,
  CreatedKeyResource,
  EventResource,
  KeyResource,
  NewKey,
  RetrySelection,
  RunResource,
  SkippedRun,
  Submission,
  TokenRequest,
  TokenResource,
  WorkerResource,
} from '../api/contract.ts';
import { LonghaulNetworkError, toApiError } from './errors.ts';
import { followEvents, type FollowOptions } from './follow-events.ts';
import type {
  AlertFilter,
  AlertPage,
  AuditFilter,
  AuditPage,
  BudgetFilter,
  CostQuery,
  KeyPage,
  RunFilter,
  RunPage,
} from './lists.ts';

export type { FollowOptions } from './follow-events.ts';
export type {
  AlertFilter,
  AlertPage,
  AuditFilter,
  AuditPage,
  BudgetFilter,
  CostQuery,
  KeyPage,
  RunFilter,
  RunPage,
} from './lists.ts';
export { LonghaulApiError, LonghaulNetworkError } from './errors.ts';
export type {
  AlertResource,
  AuditEntryResource,
  AuditVerificationResource,
  BudgetChange,
  BudgetResource,
  CostRowResource,
  CostsResource,
  CostSumsResource,
  CreatedKeyResource,
  EventResource,
  KeyResource,
  NewKey,
  Problem,
  RetrySelection,
  RunResource,
  SkippedRun,
  Submission,
  TokenRequest,
  TokenResource,
  WorkerResource,
} from '../api/contract.ts';

export interface ClientOptions {
  /** Where Longhaul listens, such as `http://127.0.0.1:4400`. */
  readonly url: string;
  /** An API key, or a token of `createToken`. In a browser always a token: everyone who opens the page can read it. */
  readonly apiKey: string;
  /** What sends requests: another `fetch`, or a Longhaul in this process. Defaults to the global `fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>;
}

/** Every method throws `LonghaulApiError` when it is refused and `LonghaulNetworkError` when no answer comes. */
export interface LonghaulClient {
  /** Submits a run and returns it at once, queued. Repeated with the same `idempotencyKey` it answers the same run. */
  submit(submission: Submission, options?: { idempotencyKey?: string | undefined }): Promise<RunResource>;
  /** Reads a run; with `waitSeconds` (at most 60) when it has ended or the time is up. */
  run(id: string, options?: { waitSeconds?: number | undefined }): Promise<RunResource>;
  /** Lists runs, newest first, a page at a time. */
  runs(filter?: RunFilter): Promise<RunPage>;
  /** Asks for a run to be cancelled and returns it as it stands. One that runs ends within seconds. */
  cancel(id: string): Promise<RunResource>;
  /** Tries a run again that has failed or was cancelled; returns the new run, whose `retryOf` names the old one. */
  retry(id: string, options?: { idempotencyKey?: string | undefined }): Promise<RunResource>;
  /** Tries many again: those named, or those that have failed and fit. `skipped` says which were left out, and why. */
  retryMany(selection: RetrySelection): Promise<{ data: RunResource[]; skipped: SkippedRun[] }>;
  /**
   * Follows a run: every event after `after` once and in order, as it happens, up to the final one. A
   * broken connection is taken up again where it broke, for as long as it takes; only a refusal ends it.
   * Ends quietly when `signal` aborts.
   */
  events(id: string, options?: FollowOptions): AsyncGenerator<EventResource, void, void>;
  /** The workers that are alive, eldest first. */
  workers(): Promise<WorkerResource[]>;
  /** Asks a worker to take no more runs, finish those it has and leave; returns it as it stands. */
  drainWorker(id: string): Promise<WorkerResource>;
  /** What was spent, a page of rows at a time, with totals and a forecast. For keys of operators. */
  costs(query?: CostQuery): Promise<CostsResource>;
  /** The budgets of today and of this month that money was spent or set aside in, the fullest first. For keys of operators. */
  budgets(filter?: BudgetFilter): Promise<BudgetResource[]>;
  /** Changes a budget over the configuration, at once and everywhere; returns it as it stands. For keys of operators. */
  changeBudget(change: BudgetChange): Promise<BudgetResource[]>;
  /** Lists entries of the audit record, a page at a time. For keys of operators. */
  audit(filter?: AuditFilter): Promise<AuditPage>;
  /** Follows the chain of the audit record, and says what was tampered with. For keys of operators. */
  verifyAudit(): Promise<AuditVerificationResource>;
  /** Lists what operators were told of, newest first, a page at a time. For keys of operators. */
  alerts(filter?: AlertFilter): Promise<AlertPage>;
  /** Issues a short-lived token for one user's browser. For keys. */
  createToken(request: TokenRequest): Promise<TokenResource>;
  /** Makes an API key; `key` in the answer is not shown again. For keys of operators. */
  createKey(key: NewKey): Promise<CreatedKeyResource>;
  /** Lists API keys, newest first, a page at a time. For keys of operators. */
  keys(filter?: { cursor?: string | undefined; limit?: number | undefined }): Promise<KeyPage>;
  /** Revokes an API key, with its tokens and open streams; returns it as it stands. For keys of operators. */
  revokeKey(id: string): Promise<KeyResource>;
}

interface RequestOptions {
  readonly method?: string;
  /** The type the answer has to have. Defaults to `application/json`. */
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Makes a client of the Longhaul at `url`. */
export function createClient({ url, apiKey, fetch: send = fetch }: ClientOptions): LonghaulClient {
  const baseUrl = url.replace(/\/+$/, '');

  async function request(path: string, { accept = 'application/json', headers, ...init }: RequestOptions = {}) {
    const message = new Request(`${baseUrl}${path}`, {
      ...init,
      headers: { ...headers, accept, authorization: `Bearer ${apiKey}` },
    });
    let response: Response;
    try {
      response = await send(message);
    } catch (cause) {
      throw new LonghaulNetworkError(baseUrl, cause);
    }
    const type = response.headers.get('content-type') ?? '';
    if (!response.ok || !type.startsWith(accept)) throw await toApiError(response);
    return response;
  }

  async function requestJson<T>(path: string, options: RequestOptions = {}): Promise<T> {
    const response = await request(path, options);
    try {
      return (await response.json()) as T;
    } catch (cause) {
      throw new LonghaulNetworkError(baseUrl, cause);
    }
  }

  const postJson = <T>(path: string, body: unknown) =>
    requestJson<T>(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  return {
    submit(submission, { idempotencyKey } = {}) {
      return requestJson('/v1/runs', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        },
        body: JSON.stringify(submission),
      });
    },
    run: (id, { waitSeconds } = {}) => requestJson(`${runPath(id)}${toQuery({ wait: waitSeconds })}`),
    runs: (filter = {}) => requestJson(`/v1/runs${toQuery({ ...filter })}`),
    cancel: (id) => requestJson(`${runPath(id)}/cancel`, { method: 'POST' }),
    retry: (id, { idempotencyKey } = {}) =>
      requestJson(`${runPath(id)}/retry`, {
        method: 'POST',
        headers: idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
      }),
    retryMany: (selection) =>
      requestJson('/v1/runs/retry', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(selection),
      }),
    events: (id, options = {}) =>
      followEvents({
        ...options,
        connect: (after, signal) =>
          request(`${runPath(id)}/events${toQuery({ after })}`, { accept: 'text/event-stream', signal }),
      }),
    async workers() {
      const { data } = await requestJson<{ data: WorkerResource[] }>('/v1/workers');
      return data;
    },
    drainWorker: (id) => requestJson(`/v1/workers/${encodeURIComponent(id)}/drain`, { method: 'POST' }),
    costs: (query = {}) => requestJson(`/v1/costs${toQuery({ ...query })}`),
    async budgets(filter = {}) {
      const { data } = await requestJson<{ data: BudgetResource[] }>(`/v1/budgets${toQuery({ ...filter })}`);
      return data;
    },
    async changeBudget(change) {
      const { data } = await requestJson<{ data: BudgetResource[] }>('/v1/budgets', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(change),
      });
      return data;
    },
    audit: (filter = {}) => requestJson(`/v1/audit${toQuery({ ...filter })}`),
    verifyAudit: () => requestJson('/v1/audit/verify'),
    alerts: (filter = {}) => requestJson(`/v1/alerts${toQuery({ ...filter })}`),
    createToken: (wanted) => postJson('/v1/tokens', wanted),
    createKey: (key) => postJson('/v1/keys', key),
    keys: (filter = {}) => requestJson(`/v1/keys${toQuery({ ...filter })}`),
    revokeKey: (id) => requestJson(`/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' }),
  };
}

function runPath(id: string): string {
  return `/v1/runs/${encodeURIComponent(id)}`;
}

function toQuery(parameters: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}
