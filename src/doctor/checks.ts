import type { Check } from './check.ts';
import { costCeiling, permissions, promptValidation, retries, workspaces } from './checks/agents.ts';
import { configuration } from './checks/configuration.ts';
import {
  adminKeys,
  auditChain,
  clock,
  connections,
  encoding,
  notifications,
  queueBackend,
  reachable,
  schema,
  workers,
} from './checks/database.ts';
import { dataDirectory, home, openFiles, temporaryFiles } from './checks/files.ts';
import { budgets, rateLimits, timeoutChain, webhookTargets } from './checks/limits.ts';
import { containment, init, memory, node, root, sandbox } from './checks/machine.ts';
import { alertChannels, alertRules, auditRetention } from './checks/monitoring.ts';
import { credentials, executable, executableVersion, secretsInGit } from './checks/provider.ts';
import { restarts } from './checks/restarts.ts';
import { stopWait, supervisor } from './checks/supervision.ts';

/** Every check, in the order of the report. A new one also needs its line in docs/doctor.md. */
export const CHECKS: readonly Check[] = [
  [configuration],
  [costCeiling, permissions, promptValidation, workspaces, retries],
  [executable, executableVersion, credentials, secretsInGit],
  [rateLimits, budgets, timeoutChain, webhookTargets],
  [alertRules, alertChannels, auditRetention, auditChain],
  [node, containment, sandbox, root, init, memory, home, dataDirectory, temporaryFiles, openFiles],
  [supervisor, stopWait, restarts],
  [reachable, schema, connections, clock, encoding, notifications, queueBackend, adminKeys, workers],
].flat();
