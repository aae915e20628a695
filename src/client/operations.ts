import type {
  AgentHealth,
  AgentResource,
  AlertResource,
  AuditVerificationResource,
  BudgetChange,
  BudgetResource,
  CostsResource,
  CreatedKeyResource,
  KeyResource,
  NewKey,
  TokenRequest,
  TokenResource,
  WorkerResource,
} from '../api/contract.ts';
import { jsonBody } from './json-body.ts';
import type { AlertFilter, AlertPage, AuditFilter, AuditPage, BudgetFilter, CostQuery, KeyPage } from './lists.ts';
import type { Transport } from './transport.ts';

/** Keys and tokens, and what operators see. */
export interface OperationMethods {
  /** Issues a short-lived token for one user's browser. For keys. */
  createToken(request: TokenRequest): Promise<TokenResource>;
  /** Makes an API key; `key` in the answer is not shown again. For keys of operators. */
  createKey(key: NewKey): Promise<CreatedKeyResource>;
  /** Lists API keys, newest first, a page at a time. For keys of operators. */
  keys(filter?: { cursor?: string | undefined; limit?: number | undefined }): Promise<KeyPage>;
  /** Revokes an API key, with its tokens and open streams; returns it as it stands. For keys of operators. */
  revokeKey(id: string): Promise<KeyResource>;
  /** The agents of the configuration. */
  agents(): Promise<AgentResource[]>;
  /** Asks whether an agent answers. An unhealthy one is an answer as well, not an error. */
  agentHealth(options?: { waitSeconds?: number | undefined }): Promise<AgentHealth>;
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
  /** Says that somebody looks after an alert: nobody is told of it again. For keys of operators. */
  acknowledgeAlert(id: string): Promise<AlertResource>;
}

export function createOperationMethods({ requestJson, toQuery }: Transport): OperationMethods {
  /** Of answers that are a list and nothing else. */
  const requestData = async <T>(...request: Parameters<Transport['requestJson']>) =>
    (await requestJson<{ data: T[] }>(...request)).data;
  return {
    // One more token does no harm.
    createToken: (wanted) => requestJson('/v1/tokens', { ...jsonBody('POST', wanted), isRepeatable: true }),
    createKey: (key) => requestJson('/v1/keys', jsonBody('POST', key)),
    keys: (filter = {}) => requestJson(`/v1/keys${toQuery({ ...filter })}`),
    revokeKey: (id) => requestJson(`/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    agents: () => requestData('/v1/agents'),
    agentHealth: ({ waitSeconds } = {}) =>
      requestJson(`/v1/health/agent${toQuery({ wait: waitSeconds })}`, {
        retryForMs: 0,
        isAnswer: (response) => response.status === 503 && isJson(response),
      }),
    workers: () => requestData('/v1/workers'),
    drainWorker: (id) => requestJson(`/v1/workers/${encodeURIComponent(id)}/drain`, { method: 'POST' }),
    costs: (query = {}) => requestJson(`/v1/costs${toQuery({ ...query })}`),
    budgets: (filter = {}) => requestData(`/v1/budgets${toQuery({ ...filter })}`),
    changeBudget: (change) => requestData('/v1/budgets', jsonBody('PUT', change)),
    audit: (filter = {}) => requestJson(`/v1/audit${toQuery({ ...filter })}`),
    verifyAudit: () => requestJson('/v1/audit/verify'),
    alerts: (filter = {}) => requestJson(`/v1/alerts${toQuery({ ...filter })}`),
    acknowledgeAlert: (id) => requestJson(`/v1/alerts/${encodeURIComponent(id)}/acknowledge`, { method: 'POST' }),
  };
}

/** A refusal is `application/problem+json`. */
function isJson({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('application/json') === true;
}
