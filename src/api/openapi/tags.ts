/** The groups of operations, in the order shown. */
export const TAGS = {
  Runs: 'Submit, follow, cancel and retry runs. A run is one prompt for one agent.',
  Events: 'Read the events of runs, live and afterwards: server-sent events, WebSocket and pages share one cursor.',
  Files: 'Upload images, documents and texts to attach them to runs.',
  Sessions: 'Read and continue conversations, which consist of runs.',
  Approvals: 'Decide tool uses, and answer questions of the agent, that wait for a person.',
  Schedules: 'Submit runs at fixed times.',
  Webhooks: 'Receive an event at a URL when runs end or wait.',
  Access: 'Manage API keys, issue short-lived tokens for browsers, and sign in to the dashboard.',
  Money: 'Read costs and manage budgets.',
  Service: 'Operate agents, queues and workers; read alerts, the audit record and health.',
} as const;

export type Tag = keyof typeof TAGS;
