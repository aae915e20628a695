-- Uses of tools that were denied, by the tool's name; counted from the events at the end of each attempt.
alter table longhaul.runs add column denied_tool_uses json not null default '{}';
create index run_events_denied on longhaul.run_events (run_id) where type = 'agent.permission_denied';
