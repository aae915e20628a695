-- What operators are told of, and each telling.

create table longhaul.alerts (
  id uuid primary key,
  -- What it is about, such as `daily_cost` or `queue_depth:reader`.
  key text not null,
  rule text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  state text not null default 'open' check (state in ('open', 'resolved')),
  title text not null,
  detail text not null,
  data json not null,
  opened_at timestamptz not null,
  -- When the rule last found it.
  last_seen_at timestamptz not null,
  notified_at timestamptz not null,
  times_notified integer not null default 1,
  resolved_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by uuid
);

-- However many evaluate at once, a thing has one open alert.
create unique index alerts_open on longhaul.alerts (key) where state = 'open';
create index alerts_by_key on longhaul.alerts (key);
create index alerts_by_state on longhaul.alerts (state, id desc);
create index alerts_resolved on longhaul.alerts (resolved_at) where resolved_at is not null;

-- Written in the transaction that opens, repeats or resolves: what is not delivered yet survives whoever was to do it.
create table longhaul.alert_deliveries (
  id uuid primary key,
  alert_id uuid not null references longhaul.alerts (id) on delete cascade,
  channel text not null,
  what text not null check (what in ('opened', 'repeated', 'resolved')),
  -- The alert as it stood: every attempt says the same.
  content json not null,
  status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null,
  last_error text,
  at timestamptz not null,
  delivered_at timestamptz
);

create index alert_deliveries_by_alert on longhaul.alert_deliveries (alert_id, id);
create index alert_deliveries_due on longhaul.alert_deliveries (channel, id) where status = 'pending';

-- Whose turn it is: a rule is evaluated by who takes its next turn, and only the latest turn may write.
create table longhaul.alert_rules (
  rule text primary key,
  taken_at timestamptz not null,
  turn integer not null default 1,
  -- For rules that look at each thing once: what ended before this has been looked at.
  looked_until timestamptz
);

-- The few attempts that ended in a way of which operators are told.
create index attempts_troubled on longhaul.attempts (error_code, finished_at)
  where error_code in ('hung', 'worker_lost', 'cli_not_found');

create index budget_accounts_current on longhaul.budget_accounts (start, period);
