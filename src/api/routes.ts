import type { Route } from './route.ts';
import { acknowledgeAlert, listAlerts } from './routes/alerts.ts';
import { listAgents } from './routes/agents.ts';
import { decideApproval, getApproval, listApprovals } from './routes/approvals.ts';
import { listAudit, verifyAudit } from './routes/audit.ts';
import { submitRuns } from './routes/batch.ts';
import { changeBudget, listBudgets } from './routes/budgets.ts';
import { cancelRuns, countRuns } from './routes/bulk.ts';
import { getCosts } from './routes/costs.ts';
import { getDoctor } from './routes/doctor.ts';
import { followRun, followRuns } from './routes/events.ts';
import { getFile, getFileContent, listFiles, removeFile, uploadFile } from './routes/files.ts';
import { getAgentHealth, getLiveness, getReadiness } from './routes/health.ts';
import { createKey, listKeys, revokeKey } from './routes/keys.ts';
import { getMetrics } from './routes/metrics.ts';
import { listQueues, pauseQueue, resumeQueue } from './routes/queues.ts';
import { retryRun, retryRuns } from './routes/retries.ts';
import { exportRuns } from './routes/run-export.ts';
import { cancelRun, getRun, listRuns, submitRun } from './routes/runs.ts';
import { getScaling } from './routes/scaling.ts';
import { pauseSchedule, resumeSchedule, triggerSchedule } from './routes/schedule-actions.ts';
import { changeSchedule, createSchedule, getSchedule, listSchedules, removeSchedule } from './routes/schedules.ts';
import { getServerHealth } from './routes/server-health.ts';
import { getSession, listSessions, sendMessage } from './routes/sessions.ts';
import { createSignInCode, getSignedIn, signIn, signOut } from './routes/sign-in.ts';
import { getStats } from './routes/stats.ts';
import { createToken } from './routes/tokens.ts';
import { listRunDeliveries, listWebhookDeliveries, redeliverWebhook } from './routes/webhook-deliveries.ts';
import { getWebhookSecret, rotateWebhook, rotateWebhookSecret } from './routes/webhook-secrets.ts';
import { createWebhook, getWebhook, listWebhooks, removeWebhook, testWebhook } from './routes/webhooks.ts';
import { drainWorker, listWorkers } from './routes/workers.ts';

/** The routes of the API, in the order of its document, which is made for reading. */
export const ROUTES: readonly Route[] = [
  [submitRun, submitRuns, listRuns, getRun, cancelRun, retryRun, retryRuns, cancelRuns, countRuns, exportRuns],
  [followRun, followRuns],
  [uploadFile, listFiles, getFile, getFileContent, removeFile],
  [sendMessage, listSessions, getSession],
  [listApprovals, getApproval, decideApproval],
  [createSchedule, listSchedules, getSchedule, changeSchedule, removeSchedule],
  [pauseSchedule, resumeSchedule, triggerSchedule],
  [createWebhook, listWebhooks, getWebhookSecret, rotateWebhookSecret],
  [getWebhook, removeWebhook, testWebhook, rotateWebhook],
  [listWebhookDeliveries, listRunDeliveries, redeliverWebhook],
  [createKey, listKeys, revokeKey, createToken],
  [getSignedIn, signIn, signOut, createSignInCode],
  [getCosts, listBudgets, changeBudget],
  [getScaling, getMetrics, getStats, listAgents, listQueues, pauseQueue, resumeQueue, listWorkers, drainWorker],
  [listAlerts, acknowledgeAlert, listAudit, verifyAudit],
  [getAgentHealth, getServerHealth, getDoctor, getLiveness, getReadiness],
].flat();
