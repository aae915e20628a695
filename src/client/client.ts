/** The typed client of Longhaul's HTTP API. Runs in browsers as well as in Node: it needs only `fetch`. */
import { createApprovalMethods, type ApprovalMethods } from './approvals.ts';
import { createFileMethods, type FileMethods } from './files.ts';
import { createOperationMethods, type OperationMethods } from './operations.ts';
import { createRunMethods, type RunMethods } from './runs.ts';
import { createScheduleMethods, type ScheduleMethods } from './schedules.ts';
import { createSessionMethods, type SessionMethods } from './sessions.ts';
import { createSignInMethods, type SignInMethods } from './sign-in.ts';
import { createStatsMethods, type StatsMethods } from './stats.ts';
import { createTransport, type TransportOptions } from './transport.ts';
import { createWebhookMethods, type WebhookMethods } from './webhooks.ts';

export type {
  ApprovalMethods,
  FileMethods,
  OperationMethods,
  RunMethods,
  ScheduleMethods,
  SessionMethods,
  SignInMethods,
  StatsMethods,
  WebhookMethods,
};
export type { FilePage } from './files.ts';
export type { StatsQuery } from './stats.ts';
export type { DeliveryFilter, DeliveryPage, WebhookPage } from './webhooks.ts';
export type { SessionFilter, SessionPage, SessionQuery } from './sessions.ts';
export type { CredentialOptions } from './credential.ts';
export { isFinalEvent, type LonghaulEvent, type StreamedEvent } from './events.ts';
export { fetchToken } from './fetch-token.ts';
export type { FollowAllOptions, FollowOptions } from './follow-events.ts';
export type { BulkResult, EventPage, OnceOptions } from './runs.ts';
export { createTextReader, textOf, type TextReader } from './text-of.ts';
export { LonghaulWebhookError, verifyWebhook, type WebhookMessage } from './verify-webhook.ts';
export type {
  AlertFilter,
  AlertPage,
  ApprovalFilter,
  ApprovalPage,
  AuditFilter,
  AuditPage,
  BudgetFilter,
  CostQuery,
  KeyPage,
  RunChoice,
  RunFilter,
  RunPage,
  ScheduleFilter,
  SchedulePage,
} from './lists.ts';
export {
  LonghaulApiError,
  LonghaulBudgetError,
  LonghaulConflictError,
  LonghaulForbiddenError,
  LonghaulInvalidRequestError,
  LonghaulNetworkError,
  LonghaulNotFoundError,
  LonghaulRateLimitError,
  LonghaulTokenError,
  LonghaulUnauthorizedError,
} from './errors.ts';
export type {
  AgentHealth,
  ServerHealth,
  AgentResource,
  AlertResource,
  ApprovalResource,
  AuditEntryResource,
  AuditVerificationResource,
  BudgetChange,
  BudgetResource,
  CancelSelection,
  CostRowResource,
  CostsResource,
  CostSumsResource,
  CreatedKeyResource,
  CreatedWebhookResource,
  DecisionRequest,
  EventResource,
  KeyResource,
  DoctorCheckResource,
  DoctorResource,
  Message,
  NewKey,
  NewFile,
  NewSchedule,
  NewWebhook,
  Problem,
  QueueResource,
  RetrySelection,
  RunCountResource,
  AcceptedRunResource,
  RunResource,
  ScalingResource,
  ScheduleChange,
  ScheduleResource,
  SessionMessageResource,
  SessionResource,
  SessionSummaryResource,
  SignedInResource,
  SignInCodeResource,
  SignInRequest,
  SkippedRun,
  StatPointResource,
  StatsResource,
  Submission,
  TokenRequest,
  TokenResource,
  WebhookDeliveryResource,
  WebhookResource,
  WebhookSecretResource,
  WorkerResource,
} from '../api/contract.ts';

export interface ClientOptions extends TransportOptions {}

/**
 * A client of Longhaul. Every method throws a `LonghaulApiError` when its request is rejected, a `LonghaulNetworkError`
 * when there is no answer, and a `LonghaulTokenError` when the `token` function fails.
 */
export interface LonghaulClient
  extends
    RunMethods,
    ApprovalMethods,
    SessionMethods,
    ScheduleMethods,
    FileMethods,
    WebhookMethods,
    OperationMethods,
    SignInMethods,
    StatsMethods {}

/**
 * Creates a client of the Longhaul at `url`. It connects when it is used, and needs no closing.
 * @throws {TypeError} when both an API key and a token are given.
 */
export function createClient(options: ClientOptions): LonghaulClient {
  const transport = createTransport(options);
  return {
    ...createRunMethods(transport),
    ...createApprovalMethods(transport),
    ...createSessionMethods(transport),
    ...createScheduleMethods(transport),
    ...createFileMethods(transport),
    ...createWebhookMethods(transport),
    ...createOperationMethods(transport),
    ...createSignInMethods(transport),
    ...createStatsMethods(transport),
  };
}
