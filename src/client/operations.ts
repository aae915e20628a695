import type {
  AgentHealth,
  ServerHealth,
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

/** Methods for keys and tokens, and for operators. */
export interface OperationMethods {
  /** Issues a short-lived token for one user's browser. For keys. */
  createToken(request: TokenRequest): Promise<TokenResource>;
  /** Creates an API key; `key` in the answer is not shown again. For keys of operators. */
  createKey(key: NewKey): Promise<CreatedKeyResource>;
  /** Lists API keys, newest first, one page at a time. For keys of operators. */
  keys(filter?: { cursor?: string | undefined; limit?: number | undefined }): Promise<KeyPage>;
  /** Revokes an API key, with its tokens and open streams; returns its new state. For keys of operators. */
  revokeKey(id: string): Promise<KeyResource>;
  /** Lists the agents of the configuration. */
  agents(): Promise<AgentResource[]>;
  /** Asks whether an agent answers. Returns the answer of an unhealthy agent too, instead of an error. */
  agentHealth(options?: { waitSeconds?: number | undefined }): Promise<AgentHealth>;
  /** Reads the versions and the database of the server that answers. For operators. */
  serverHealth(): Promise<ServerHealth>;
  /** Lists the live workers, oldest first. */
  workers(): Promise<WorkerResource[]>;
  /** Drains a worker: it takes no more runs, finishes the runs it has and stops. Returns its new state. */
  drainWorker(id: string): Promise<WorkerResource>;
  /** Reads costs, one page of rows at a time, with totals and a forecast. For keys of operators. */
  costs(query?: CostQuery): Promise<CostsResource>;
  /**
   * Lists the budgets of today and of this month that have spent or reserved amounts, the fullest first. For keys of
   * operators.
   */
  budgets(filter?: BudgetFilter): Promise<BudgetResource[]>;
  /**
   * Changes a budget, at once and everywhere; the change takes precedence over the configuration. Returns its new
   * state. For keys of operators.
   */
  changeBudget(change: BudgetChange): Promise<BudgetResource[]>;
  /** Lists entries of the audit record, one page at a time. For keys of operators. */
  audit(filter?: AuditFilter): Promise<AuditPage>;
  /** Verifies the chain of the audit record, and reports tampering. For keys of operators. */
  verifyAudit(): Promise<AuditVerificationResource>;
  /** Lists alerts, newest first, one page at a time. For keys of operators. */
  alerts(filter?: AlertFilter): Promise<AlertPage>;
  /** Acknowledges an alert: it is sent again only when it gets worse or closes. For keys of operators. */
  acknowledgeAlert(id: string): Promise<AlertResource>;
}

export function createOperationMethods({ requestJson, toQuery }: Transport): OperationMethods {
  /** Requests an answer that is only a list. */
  const requestData = async <T>(...request: Parameters<Transport['requestJson']>) =>
    (await requestJson<{ data: T[] }>(...request)).data;
  return {
    // Repeatable, because a second token does no harm.
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
    serverHealth: () => requestJson('/v1/health/server'),
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
