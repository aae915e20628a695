import type {
  EventResource,
  RunResource,
  SessionMessageResource,
  SessionSummaryResource,
  Submission,
} from '../contract.ts';

export const RUN_ID = '019cd7ac-5d2e-7c41-9a54-2f6a0c1b7d11';
export const SESSION_ID = '019cd7ac-5d2f-7a0b-8c3d-4e5f60718293';
export const [CREATED, STARTED, FINISHED] = [
  '2026-03-10T12:00:00.000Z',
  '2026-03-10T12:00:00.420Z',
  '2026-03-10T12:00:07.310Z',
];

export const tokens = { inputTokens: 1_204, outputTokens: 312, cacheReadTokens: 8_000, cacheCreationTokens: 0 };

export const run: RunResource = {
  id: RUN_ID,
  agent: 'reader',
  status: 'succeeded',
  waitingFor: null,
  prompt: 'What is late today?',
  attachments: [],
  user: 'ann',
  team: 'north',
  sessionId: SESSION_ID,
  metadata: { ticket: 17 },
  priority: 0,
  attempt: 1,
  maxAttempts: 3,
  limits: {
    maxBudgetUsd: 1,
    maxTurns: 15,
    maxThinkingTokens: 16_000,
    timeoutSeconds: 120,
    maxMemoryMb: 2_048,
    maxPromptLength: 5_000,
  },
  result: 'Two deliveries are late: 1042 and 1057.',
  structuredOutput: null,
  error: null,
  costUsd: 0.012_4,
  isAtCeiling: false,
  usage: tokens,
  modelUsage: { 'claude-sonnet-4-5': { ...tokens, costUsd: 0.012_4 } },
  turns: 3,
  durationMs: 6_890,
  toolUses: { Read: 2 },
  deniedToolUses: {},
  createdAt: CREATED,
  startAfter: null,
  startedAt: STARTED,
  finishedAt: FINISHED,
  retryOf: null,
  scheduleId: null,
  scheduledFor: null,
  links: {
    self: `/v1/runs/${RUN_ID}`,
    events: `/v1/runs/${RUN_ID}/events`,
    approvals: `/v1/approvals?runId=${RUN_ID}`,
    cancel: `/v1/runs/${RUN_ID}/cancel`,
    retry: `/v1/runs/${RUN_ID}/retry`,
  },
};

/** The run as it is returned when it was just submitted. */
export const queuedRun: RunResource = {
  ...run,
  status: 'queued',
  attempt: 0,
  result: null,
  costUsd: 0,
  usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheCreationTokens: 0 },
  modelUsage: {},
  turns: 0,
  durationMs: null,
  toolUses: {},
  startedAt: null,
  finishedAt: null,
};

export const event: EventResource = {
  runId: RUN_ID,
  seq: 7,
  type: 'agent.tool_use',
  at: '2026-03-10T12:00:03.007Z',
  attempt: 1,
  data: { toolUseId: 'toolu_01A', name: 'Read', input: { file_path: 'deliveries.csv' } },
};

export const submission: Submission = {
  agent: 'reader',
  prompt: 'What is late today?',
  user: 'ann',
  metadata: { ticket: 17 },
  limits: { maxBudgetUsd: 0.1, timeoutSeconds: 60 },
};

export const sessionSummary: SessionSummaryResource = {
  id: SESSION_ID,
  agent: 'reader',
  user: 'ann',
  team: 'north',
  createdAt: CREATED,
  updatedAt: FINISHED,
  forkedFrom: null,
};

export const message: SessionMessageResource = {
  role: 'user',
  runId: RUN_ID,
  at: STARTED,
  content: [{ type: 'text', text: 'What is late today?' }],
};
