import type {
  AlertResource,
  ApprovalResource,
  AuditEntryResource,
  AuditVerificationResource,
  BudgetChange,
  BudgetResource,
  CostRowResource,
  CostSumsResource,
  CreatedKeyResource,
  CreatedWebhookResource,
  DoctorResource,
  FileResource,
  KeyResource,
  QueueResource,
  RetrySelection,
  RunResource,
  ScheduleResource,
  SkippedRun,
  StatPointResource,
  StatsResource,
  TokenResource,
  WorkerResource,
} from '../contract.ts';
import {
  CREATED,
  FINISHED,
  message,
  event,
  queuedRun,
  run,
  RUN_ID,
  SESSION_ID,
  sessionSummary,
  STARTED,
  submission,
  tokens,
} from './example-runs.ts';

const file: FileResource = {
  id: '019cd7ab-7777-7c41-9a54-2f6a0c1b7d11',
  name: 'hello.txt',
  mediaType: 'text/plain',
  bytes: 6,
  createdAt: CREATED,
};

const KEY_ID = '019cd7a0-0001-7b3c-9d4e-5f6071829304';
const WORKER_ID = '019cd7a1-1a2b-7c3d-8e4f-506172839405';

const approval: ApprovalResource = {
  id: '019cd7ad-2222-7c41-9a54-2f6a0c1b7d11',
  runId: RUN_ID,
  sessionId: SESSION_ID,
  user: 'ann',
  team: 'north',
  agent: 'operator',
  attempt: 1,
  kind: 'tool',
  tool: { name: 'Bash', input: { command: 'systemctl restart shop' }, useId: 'toolu_01B' },
  subagent: null,
  status: 'pending',
  updatedInput: null,
  reason: null,
  decidedBy: null,
  requestedAt: STARTED,
  expiresAt: '2026-03-17T12:00:00.420Z',
  decidedAt: null,
  takenUpAt: null,
  links: { self: '/v1/approvals/019cd7ad-2222-7c41-9a54-2f6a0c1b7d11', run: `/v1/runs/${RUN_ID}` },
};

const schedule: ScheduleResource = {
  id: '019cd7ae-3333-7c41-9a54-2f6a0c1b7d11',
  name: 'morning report',
  agent: 'reader',
  prompt: 'Summarize the messages of last night.',
  cron: '30 7 * * 1-5',
  timeZone: 'Europe/Berlin',
  user: null,
  team: null,
  metadata: {},
  priority: 0,
  limits: {},
  webhookUrl: null,
  missed: 'once',
  createdAt: CREATED,
  pausedAt: null,
  pausedReason: null,
  nextAt: '2026-03-11T06:30:00.000Z',
  lastAt: null,
  lastRunId: null,
  lastError: null,
};

const key: KeyResource = {
  id: KEY_ID,
  name: 'shop backend',
  scopes: ['runs:write', 'runs:read'],
  user: null,
  team: null,
  subject: null,
  createdAt: CREATED,
  lastUsedAt: null,
  revokedAt: null,
};

const costs: CostSumsResource = {
  costUsd: 4.21,
  ownCostUsd: 4.2,
  unpricedUsd: 0,
  isOwnCostWhole: true,
  runs: 310,
  succeededRuns: 302,
  attempts: 318,
  ...tokens,
  cacheCreation1hTokens: 0,
  thinkingTokens: 120,
  costPerSucceededRunUsd: 0.013_94,
  retriedCostUsd: 0.05,
  driftUsd: 0.001,
};

const costRow: CostRowResource = { key: '2026-03-10', ...costs };

const queue: QueueResource = {
  name: 'reader',
  waiting: 3,
  delayed: 1,
  held: 0,
  limitedUntil: null,
  limitReason: null,
  oldestWaitSeconds: 1.2,
  undelivered: null,
  pausedAt: null,
};

const worker: WorkerResource = {
  id: WORKER_ID,
  host: 'worker-1',
  pid: 4_021,
  version: '0.1.0',
  slots: 4,
  running: 2,
  freeMemoryBytes: 6_442_450_944,
  spares: 1,
  containment: 'mount_namespace',
  state: 'working',
  holdingReason: null,
  startedAt: CREATED,
  heartbeatAt: FINISHED,
};

const budget: BudgetResource = {
  scope: 'user',
  key: 'ann',
  team: null,
  period: 'day',
  start: '2026-03-10',
  limitUsd: 2,
  isChanged: false,
  spentUsd: 0.3,
  reservedUsd: 0.5,
  resetsAt: '2026-03-11T00:00:00.000Z',
};

const alert: AlertResource = {
  id: '019cd7af-4444-7c41-9a54-2f6a0c1b7d11',
  key: 'queue_depth:reader',
  rule: 'queue_depth',
  severity: 'warning',
  state: 'open',
  title: 'Runs pile up in the queue reader',
  detail: '63 runs wait; 50 is the limit.',
  data: { waiting: 63, limit: 50 },
  openedAt: CREATED,
  lastSeenAt: FINISHED,
  notifiedAt: CREATED,
  timesNotified: 1,
  resolvedAt: null,
  acknowledgedAt: null,
  acknowledgedBy: null,
  deliveries: [],
};

const auditEntry: AuditEntryResource = {
  id: 118,
  seq: 118,
  at: '2026-03-10T12:00:00.000123Z',
  actor: `key:${KEY_ID} (shop backend)`,
  action: 'run.submitted',
  subject: RUN_ID,
  data: { agent: 'reader' },
  prevHash: '3b6f0c1d2e4a5968778695a4b3c2d1e0f1e2d3c4b5a69788796a5b4c3d2e1f00',
  hash: '91c0ffee2e4a5968778695a4b3c2d1e0f1e2d3c4b5a69788796a5b4c3d2e1f01',
};

const verification: AuditVerificationResource = {
  isIntact: true,
  entries: 118,
  firstSeq: 1,
  lastSeq: 118,
  lastHash: '91c0ffee2e4a5968778695a4b3c2d1e0f1e2d3c4b5a69788796a5b4c3d2e1f01',
  sealedUntil: '2026-03-09',
  unchained: 0,
  problems: [],
  problemCount: 0,
};

const token: TokenResource = {
  token: 'eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYW5uIn0.4Jx0mQ9sV3nE7pB1kL5rT8wZ2yC6dF0hG',
  expiresAt: '2026-03-10T12:15:00.000Z',
};

const budgetChange: BudgetChange = { scope: 'user', key: 'ann', usdPerDay: 5 };
const retrySelection: RetrySelection = { errorCode: 'provider_overloaded', limit: 100 };
const skippedRun: SkippedRun = { id: RUN_ID, code: 'conflict', message: 'The run has succeeded.' };
const createdKey: CreatedKeyResource = { ...key, key: 'lh_EXAMPLE0000000000000000000000000000000000' };

const createdWebhook: CreatedWebhookResource = {
  id: '019cd7b0-5555-7c41-9a54-2f6a0c1b7d11',
  keyId: KEY_ID,
  url: 'https://shop.example.com/hooks/longhaul',
  format: 'longhaul',
  events: ['run.succeeded', 'run.failed'],
  description: null,
  createdAt: CREATED,
  disabledAt: null,
  secret: 'whsec_bG9uZ2hhdWwtZXhhbXBsZS1zZWNyZXQtMDEyMzQ1Njc=',
};

const statOutcomes = { submitted: 42, succeeded: 39, failed: 2, cancelled: 1, costUsd: 1.204 };
const statSums = {
  ...statOutcomes,
  wait: { p50Ms: 120, p95Ms: 2_700, runs: 42 },
  duration: { p50Ms: 14_600, p95Ms: 58_000, runs: 42 },
  failures: [{ code: 'run_timeout', runs: 2 }],
};
const statPoint: StatPointResource = {
  at: CREATED,
  ...statSums,
  queues: { waiting: 1.5, delayed: 0, held: 0, oldestWaitSeconds: 4 },
  slots: { workers: 2, total: 8, running: 5.25 },
};
const stats: StatsResource = {
  data: [statPoint],
  totals: statSums,
  agents: [{ agent: 'reader', ...statOutcomes }],
  queues: [{ queue: 'reader', data: [{ at: CREATED, waiting: 1.5 }] }],
  now: { queued: 1, running: 5, waiting: 0 },
  from: CREATED,
  to: '2026-03-10T13:00:00.000Z',
  step: 'hour',
  timeZone: 'UTC',
};

const doctor: DoctorResource = {
  verdict: 'warning',
  examinedAt: FINISHED,
  checks: [
    {
      id: 'budgets',
      theme: 'limits',
      title: 'All runs together have a budget',
      verdict: 'warning',
      found: 'No budget limits a day or a month',
      mend: 'Set limits.global.usdPerDay or usdPerMonth.',
      docs: 'docs/money.md#limit-what-users-teams-and-all-together-spend',
    },
  ],
};

/** Examples of schemas by their name, for schemas whose definition has none. */
export const EXAMPLES: Readonly<Record<string, unknown>> = {
  AcceptedRun: queuedRun,
  Agent: {
    name: 'reader',
    model: 'claude-sonnet-4-5',
    tools: ['Read', 'Grep', 'Glob'],
    permissionMode: 'dontAsk',
    queue: 'reader',
    limits: run.limits,
  },
  Alert: alert,
  Approval: approval,
  AuditEntry: auditEntry,
  AuditVerification: verification,
  Budget: budget,
  BudgetChange: budgetChange,
  CostRow: costRow,
  CostSums: costs,
  Costs: {
    data: [costRow],
    nextCursor: null,
    totals: costs,
    forecast: { dayUsd: 5.1, monthUsd: 140 },
    from: '2026-03-01T00:00:00.000Z',
    to: '2026-04-01T00:00:00.000Z',
    timeZone: 'UTC',
  },
  CreatedKey: createdKey,
  CreatedWebhook: createdWebhook,
  Doctor: doctor,
  Event: event,
  File: file,
  EventPage: { data: [event], nextCursor: null },
  Health: { status: 'alive', version: '0.1.0' },
  Readiness: { status: 'ready', version: '0.1.0', queue: 'ok' },
  Key: key,
  Queue: queue,
  RetrySelection: retrySelection,
  Run: run,
  Schedule: schedule,
  Session: {
    ...sessionSummary,
    runs: { data: [run], nextCursor: null },
    messages: { data: [message], nextCursor: null },
  },
  SessionMessage: message,
  SessionSummary: sessionSummary,
  SkippedRun: skippedRun,
  StatPoint: statPoint,
  Stats: stats,
  StreamPage: { data: [event], nextCursor: 40_127 },
  Submission: submission,
  SubmittedBatch: { data: [queuedRun] },
  Token: token,
  Worker: worker,
};

/** Examples of responses that differ from `EXAMPLES`: the resource after the operation. */
export const cancelledRun: RunResource = { ...queuedRun, status: 'cancelled', finishedAt: FINISHED };
export const deniedApproval: ApprovalResource = {
  ...approval,
  status: 'denied',
  reason: 'Not in production.',
  decidedBy: `key:${KEY_ID}`,
  decidedAt: FINISHED,
};
export const pausedSchedule: ScheduleResource = { ...schedule, pausedAt: FINISHED, nextAt: null };
export const pausedQueue: QueueResource = { ...queue, pausedAt: FINISHED };
export const revokedKey: KeyResource = { ...key, revokedAt: FINISHED };
