-- One cursor over the events of many runs, and whose they are; deltas of finished runs are folded into their text.

-- A number is drawn under the lock of the event's run, so within a run positions rise with seq. Over runs they are
-- drawn in one order and committed in another: src/stream/horizon.ts says how far a reader may go. No cache: its last
-- value has to be the last one that was drawn by anybody.
create sequence longhaul.event_positions cache 1;

alter table longhaul.run_events
  add column position bigint,
  -- Those of the run, which never change: a user's events are read from one index.
  add column user_id text,
  add column team text;

-- Transactions begin in another order than they get the run's lock in, so `at` alone may fall within a run.
update longhaul.run_events as event
   set position = placed.position, user_id = run.user_id, team = run.team
  from (select run_id, seq, row_number() over (order by latest, run_id, seq) as position
          from (select run_id, seq, max(at) over (partition by run_id order by seq) as latest
                  from longhaul.run_events) as dated) as placed,
       longhaul.runs as run
 where event.run_id = placed.run_id and event.seq = placed.seq and run.id = event.run_id;

select setval('longhaul.event_positions', (select max(position) from longhaul.run_events))
 where exists (select from longhaul.run_events);

alter table longhaul.run_events
  alter column position set default nextval('longhaul.event_positions'),
  alter column position set not null;

alter sequence longhaul.event_positions owned by longhaul.run_events.position;

create unique index run_events_by_position on longhaul.run_events (position);
create index run_events_by_user on longhaul.run_events (user_id, position) where user_id is not null;
create index run_events_by_team on longhaul.run_events (team, position) where team is not null;

alter table longhaul.runs add column deltas_folded_at timestamptz;
create index runs_unfolded on longhaul.runs (finished_at) where finished_at is not null and deltas_folded_at is null;
