/** The groups of operations, in the order shown. */
export const TAGS = {
  Runs: 'Submit, follow, cancel and retry runs. A run is one prompt for one agent.',
  Events: 'Read the events of runs, live and afterwards: server-sent events, WebSocket and pages share one cursor.',
  Sessions: 'Read and continue conversations, which consist of runs.',
  Approvals: 'Decide tool uses, and answer questions of the agent, that wait for a person.',
  Schedules: 'Submit runs at fixed times.',
  Webhooks: 'Receive an event at a URL when runs end or wait.',
  Access: 'Manage API keys, issue short-lived tokens for browsers, and sign in to the dashboard.',
  Money: 'Read costs and manage budgets.',
  Service: 'Operate agents, queues and workers; read alerts, the audit record and health.',
} as const;

type Tag = keyof typeof TAGS;

interface Operation {
  /** The name in generated clients. Part of the contract, so it never changes. */
  readonly operationId: string;
  readonly tag: Tag;
}

const of = (tag: Tag, names: Readonly<Record<string, string>>): [string, Operation][] =>
  Object.entries(names).map(([route, operationId]) => [route, { operationId, tag }]);

/** The name and the group of each operation, by method and path. A test reports a missing operation. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ...of('Runs', {
    'POST /v1/runs': 'submitRun',
    'POST /v1/runs/batch': 'submitRuns',
    'GET /v1/runs': 'listRuns',
    'GET /v1/runs/{id}': 'getRun',
    'POST /v1/runs/{id}/cancel': 'cancelRun',
    'POST /v1/runs/{id}/retry': 'retryRun',
    'POST /v1/runs/retry': 'retryRuns',
    'POST /v1/runs/cancel': 'cancelRuns',
    'GET /v1/runs/count': 'countRuns',
    'GET /v1/runs/export': 'exportRuns',
  }),
  ...of('Events', {
    'GET /v1/runs/{id}/events': 'followRun',
    'GET /v1/stream': 'followRuns',
  }),
  ...of('Sessions', {
    'POST /v1/runs/{id}/messages': 'sendMessage',
    'GET /v1/sessions': 'listSessions',
    'GET /v1/sessions/{id}': 'getSession',
  }),
  ...of('Approvals', {
    'GET /v1/approvals': 'listApprovals',
    'GET /v1/approvals/{id}': 'getApproval',
    'POST /v1/approvals/{id}': 'decideApproval',
  }),
  ...of('Schedules', {
    'POST /v1/schedules': 'createSchedule',
    'GET /v1/schedules': 'listSchedules',
    'GET /v1/schedules/{id}': 'getSchedule',
    'PATCH /v1/schedules/{id}': 'changeSchedule',
    'DELETE /v1/schedules/{id}': 'removeSchedule',
    'POST /v1/schedules/{id}/pause': 'pauseSchedule',
    'POST /v1/schedules/{id}/resume': 'resumeSchedule',
    'POST /v1/schedules/{id}/trigger': 'triggerSchedule',
  }),
  ...of('Webhooks', {
    'POST /v1/webhooks': 'createWebhook',
    'GET /v1/webhooks': 'listWebhooks',
    'GET /v1/webhooks/secret': 'getWebhookSecret',
    'POST /v1/webhooks/secret/rotate': 'rotateWebhookSecret',
    'GET /v1/webhooks/{id}': 'getWebhook',
    'DELETE /v1/webhooks/{id}': 'removeWebhook',
    'POST /v1/webhooks/{id}/test': 'testWebhook',
    'POST /v1/webhooks/{id}/rotate': 'rotateWebhook',
    'GET /v1/webhooks/{id}/deliveries': 'listWebhookDeliveries',
    'GET /v1/runs/{id}/deliveries': 'listRunDeliveries',
    'POST /v1/webhooks/deliveries/{id}/redeliver': 'redeliverWebhook',
  }),
  ...of('Access', {
    'POST /v1/keys': 'createKey',
    'GET /v1/keys': 'listKeys',
    'DELETE /v1/keys/{id}': 'revokeKey',
    'POST /v1/tokens': 'createToken',
    'GET /v1/sign-in': 'getSignedIn',
    'POST /v1/sign-in': 'signIn',
    'DELETE /v1/sign-in': 'signOut',
    'POST /v1/sign-in/code': 'createSignInCode',
  }),
  ...of('Money', {
    'GET /v1/costs': 'getCosts',
    'GET /v1/budgets': 'listBudgets',
    'PUT /v1/budgets': 'changeBudget',
  }),
  ...of('Service', {
    'GET /v1/stats': 'getStats',
    'GET /v1/agents': 'listAgents',
    'GET /v1/queues': 'listQueues',
    'POST /v1/queues/{name}/pause': 'pauseQueue',
    'POST /v1/queues/{name}/resume': 'resumeQueue',
    'GET /v1/workers': 'listWorkers',
    'POST /v1/workers/{id}/drain': 'drainWorker',
    'GET /v1/alerts': 'listAlerts',
    'POST /v1/alerts/{id}/acknowledge': 'acknowledgeAlert',
    'GET /v1/audit': 'listAudit',
    'GET /v1/audit/verify': 'verifyAudit',
    'GET /v1/health/agent': 'getAgentHealth',
    'GET /v1/health/server': 'getServerHealth',
    'GET /livez': 'getLiveness',
    'GET /readyz': 'getReadiness',
  }),
]);
