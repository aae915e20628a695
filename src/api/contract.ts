/** The HTTP contract, v1: requests and responses. JSON in camelCase, times ISO 8601 UTC, money in USD. */

export * from './contract/access.ts';
export * from './contract/sign-in.ts';
export * from './contract/approvals.ts';
export * from './contract/submission.ts';
export * from './contract/files.ts';
export * from './contract/sessions.ts';
export * from './contract/runs.ts';
export * from './contract/events.ts';
export * from './contract/stream.ts';
export * from './contract/batch.ts';
export * from './contract/schedules.ts';
export * from './contract/bulk.ts';
export * from './contract/problem.ts';
export * from './contract/operations.ts';
export * from './contract/budgets.ts';
export * from './contract/stats.ts';
export * from './contract/scaling.ts';
export * from './contract/costs.ts';
export * from './contract/alerts.ts';
export * from './contract/audit.ts';
export * from './contract/webhooks.ts';
export * from './contract/health.ts';
export * from './contract/doctor.ts';
