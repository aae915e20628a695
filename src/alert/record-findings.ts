import type { Selectable } from 'kysely';
import type { AlertsConfig } from '../config/config.ts';
import { createId } from '../core/ids.ts';
import { maskSecrets, maskSecretsIn } from '../core/mask-secrets.ts';
import type { Database, Transaction } from '../db/database.ts';
import type { AlertsTable } from '../db/tables.ts';
import { isAtLeast, toAlert, type Happening } from './alert.ts';
import { queueDeliveries } from './queue-deliveries.ts';
import type { Finding, Rule } from './rule.ts';

interface RecordOptions {
  readonly rule: Rule;
  readonly turn: number;
  readonly findings: readonly Finding[];
  readonly now: Date;
  readonly everyMs: number;
  readonly alerts: AlertsConfig;
}

type Row = Selectable<AlertsTable>;

/**
 * Opens, keeps, repeats and resolves the alerts of a rule according to its findings, and queues their deliveries, in
 * one transaction. Writes nothing when another server has taken the rule's next turn: the findings are out of date
 * then.
 */
export async function recordFindings(database: Database, options: RecordOptions): Promise<void> {
  const { rule, turn, now, everyMs } = options;
  const findings = options.findings.map(withoutSecrets);
  await database.sql.transaction().execute(async (trx) => {
    // Locks the rule: of two servers that evaluate it, the second waits here, and finds that its turn has ended.
    const locked = await trx
      .updateTable('longhaul.alert_rules')
      .set({ looked_until: now })
      .where('rule', '=', rule.name)
      .where('turn', '=', turn)
      .returning('rule')
      .executeTakeFirst();
    if (locked === undefined) return;

    const open = await trx
      .selectFrom('longhaul.alerts')
      .selectAll()
      .where('rule', '=', rule.name)
      .where('state', '=', 'open')
      .forUpdate()
      .execute();
    const told = rule.calm === 'once' ? await findTold(trx, findings) : new Set<string>();
    for (const finding of findings) {
      const row = open.find(({ key }) => key === finding.key);
      if (row !== undefined) await keepOpen(trx, options, { row, finding });
      else if (!told.has(finding.key)) await openAlert(trx, options, finding);
    }
    const found = new Set(findings.map(({ key }) => key));
    const calmSince = now.getTime() - everyMs * (rule.calm === 'once' ? 1 : rule.calm);
    for (const row of open) {
      const isSeen = rule.calm !== 'once' && found.has(row.key);
      if (!isSeen && row.last_seen_at.getTime() <= calmSince) await resolve(trx, options, row);
    }
  });
}

/** Findings quote machines, providers and receivers, and are sent to other systems. */
function withoutSecrets(finding: Finding): Finding {
  const { title, detail, data } = finding;
  return {
    ...finding,
    title: maskSecrets(title),
    detail: maskSecrets(detail),
    data: maskSecretsIn(data) as Finding['data'],
  };
}

async function openAlert(trx: Transaction, options: RecordOptions, finding: Finding): Promise<void> {
  const { rule, now } = options;
  const row = await trx
    .insertInto('longhaul.alerts')
    .values({
      id: createId(),
      ...finding,
      data: JSON.stringify(finding.data),
      rule: rule.name,
      opened_at: now,
      last_seen_at: now,
      notified_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await tell(trx, options, { row, what: 'opened' });
}

/**
 * Keeps an alert open. Its severity never falls. An alert that becomes worse is delivered at once, and any
 * acknowledgement of the lower severity is removed.
 */
async function keepOpen(
  trx: Transaction,
  options: RecordOptions,
  { row: before, finding }: { row: Row; finding: Finding },
): Promise<void> {
  const { rule, now, alerts } = options;
  if (rule.calm === 'once') return;
  const isWorse = !isAtLeast(before.severity, finding.severity);
  const isDue =
    rule.isRepeated &&
    alerts.repeatMinutes !== null &&
    before.acknowledged_at === null &&
    now.getTime() - before.notified_at.getTime() >= alerts.repeatMinutes * 60_000;
  const { title, detail, data } = finding;
  const row = await trx
    .updateTable('longhaul.alerts')
    .set((alert) => ({
      title,
      detail,
      data: JSON.stringify(data),
      last_seen_at: now,
      ...(isWorse && { severity: finding.severity, acknowledged_at: null, acknowledged_by: null }),
      ...((isWorse || isDue) && { notified_at: now, times_notified: alert('times_notified', '+', 1) }),
    }))
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow();
  if (isWorse || isDue) await tell(trx, options, { row, what: 'repeated' });
}

async function resolve(trx: Transaction, options: RecordOptions, { id }: Row): Promise<void> {
  const row = await trx
    .updateTable('longhaul.alerts')
    .set({ state: 'resolved', resolved_at: options.now })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  await tell(trx, options, { row, what: 'resolved' });
}

function tell(
  trx: Transaction,
  { now, alerts }: RecordOptions,
  { row, what }: { row: Row; what: Happening },
): Promise<void> {
  return queueDeliveries(trx, { alert: toAlert(row), what, now, channels: alerts.channels });
}

/** Returns the findings that already had their alert, open or resolved. */
async function findTold(trx: Transaction, findings: readonly Finding[]): Promise<Set<string>> {
  if (findings.length === 0) return new Set();
  const rows = await trx
    .selectFrom('longhaul.alerts')
    .select('key')
    .where(
      'key',
      'in',
      findings.map(({ key }) => key),
    )
    .execute();
  return new Set(rows.map(({ key }) => key));
}
