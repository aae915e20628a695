import type { AlertsConfig } from '../../config/config.ts';
import { ok, failed, warning, type Check } from '../check.ts';

/** Days for which a dispute or an incident is usually looked into. */
const SHORT_AUDIT_DAYS = 30;

export const alertRules: Check = {
  id: 'alert-rules',
  theme: 'monitoring',
  title: 'Cost, speed and errors are watched',
  docs: 'docs/operations.md#alerts',
  examine({ config: { alerts } }) {
    const off = listOff(alerts);
    if (off.length === 0) {
      return ok(
        `a run over $${alerts.runCostUsd}, a day over $${alerts.dailyCostUsd}, ${alerts.queueDepth} waiting runs, ${percent(alerts)} % failures`,
      );
    }
    const isCostOff = alerts.runCostUsd === null && alerts.dailyCostUsd === null;
    const isBlind = isCostOff || alerts.queueDepth === null || alerts.errorRate === null;
    const mend = `Give ${off.join(', ')} a value.`;
    return isBlind ? failed(`off: ${off.join(', ')}`, mend) : warning(`off: ${off.join(', ')}`, mend);
  },
};

const percent = ({ errorRate }: AlertsConfig) => Math.round((errorRate?.share ?? 0) * 100);

function listOff({ runCostUsd, dailyCostUsd, queueDepth, errorRate }: AlertsConfig): string[] {
  return Object.entries({ runCostUsd, dailyCostUsd, queueDepth, errorRate })
    .filter(([, value]) => value === null)
    .map(([name]) => `alerts.${name}`);
}

export const alertChannels: Check = {
  id: 'alert-channels',
  theme: 'monitoring',
  title: 'Alerts reach a person',
  docs: 'docs/operations.md#alerts',
  examine({ config: { alerts, logLevel } }) {
    const others = alerts.channels.filter(({ type }) => type !== 'log');
    if (others.some(({ minSeverity }) => minSeverity !== 'critical')) {
      return ok(`the log, ${others.map(({ name }) => name).join(', ')}; longhaul doctor --drill sends a test`);
    }
    if (others.length > 0) {
      return warning('No channel but the log gets warnings', 'Give a channel the minSeverity "warning".');
    }
    const mend = 'Add a webhook, Slack or mail channel to alerts.channels.';
    if (['fatal', 'silent'].includes(logLevel)) {
      return failed(`Alerts go to the log alone, whose level is ${logLevel}`, mend);
    }
    return warning('Alerts go to the log alone', mend);
  },
};

export const auditRetention: Check = {
  id: 'audit-retention',
  theme: 'monitoring',
  title: 'The audit record is kept',
  docs: 'docs/operations.md#the-audit-record',
  examine({ config: { audit } }) {
    if (audit.retentionDays === null) return ok('forever');
    if (audit.retentionDays >= SHORT_AUDIT_DAYS) return ok(`${audit.retentionDays} days`);
    return warning(`only ${audit.retentionDays} days`, `Set audit.retentionDays to ${SHORT_AUDIT_DAYS} or more.`);
  },
};
