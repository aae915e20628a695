-- Works with version 38: servers and workers of that version go on beside new ones.

-- Webhooks that are told of managed sessions, in the form that Anthropic's client verifies (src/run/webhooks).

-- The form of its messages. An endpoint has events of its format only, so a server of the version before, which knows
-- the events of runs, writes no delivery for another.
alter table longhaul.webhook_endpoints add column format text not null default 'longhaul'
  check (format in ('longhaul', 'anthropic'));
create index webhook_endpoints_managed on longhaul.webhook_endpoints (id) where format = 'anthropic';

-- The managed session that it is about. Not a reference: a delivery may be about the end of the session.
alter table longhaul.webhook_deliveries add column session_id uuid;

-- The status that the events of the session have shown last, so that each change is told once.
alter table longhaul.managed_sessions add column shown_status text not null default 'idle';
