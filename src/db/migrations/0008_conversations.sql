-- Conversations of several runs: whose they are, the order of their runs, messages into a running one.

alter table longhaul.sessions
  add column agent text,
  add column user_id text,
  add column team text,
  add column created_at timestamptz not null default now(),
  -- How many places were given out. A fork begins with one, for what its base has said.
  add column last_turn integer not null default 0,
  add column forked_from uuid;

-- So far every run had a conversation of its own, made when it was first claimed.
insert into longhaul.sessions (id, updated_at) select session_id, created_at from longhaul.runs on conflict (id) do nothing;
update longhaul.sessions as session
   set agent = run.agent, user_id = run.user_id, team = run.team, created_at = run.created_at, last_turn = 1
  from longhaul.runs as run where run.session_id = session.id;
delete from longhaul.sessions where agent is null;
alter table longhaul.sessions alter column agent set not null;

-- A run's place in its conversation.
alter table longhaul.runs add column session_turn integer not null default 1;
create unique index runs_by_session_turn on longhaul.runs (session_id, session_turn);
drop index longhaul.runs_by_session;
-- Those that the next one waits for; few at any time.
create index runs_unfinished_by_session on longhaul.runs (session_id, session_turn) where finished_at is null;
create index runs_held_for_session on longhaul.runs (session_id) where held_for = 'session';
create index sessions_by_user on longhaul.sessions (user_id, id desc) where user_id is not null;
create index sessions_by_agent on longhaul.sessions (agent, id desc);

/*
 * Gives a new run its place in its conversation, which is made with its first run. One that comes while an earlier is not
 * over is held.
 *
 * Locks the session's row: of two that come at once the second waits, and its look at the others is taken after that. The
 * end of a run takes the same lock before it looks who is next, so a run either sees the end or is seen by it.
 */
create function longhaul.take_session_turn() returns trigger language plpgsql as $$
begin
  insert into longhaul.sessions as session (id, agent, user_id, team, last_turn)
  values (new.session_id, new.agent, new.user_id, new.team, 1)
  on conflict (id) do update set last_turn = session.last_turn + 1, updated_at = now()
  returning last_turn into new.session_turn;
  if new.session_turn > 1
    and exists (select from longhaul.runs where session_id = new.session_id and finished_at is null)
  then
    new.held_for = 'session';
  end if;
  return new;
end
$$;

create trigger runs_take_session_turn before insert on longhaul.runs for each row
  execute function longhaul.take_session_turn();

/*
 * Lets the next run of a conversation go, when it is held, and returns it. The session's row is locked before the look:
 * a submission to it is either done, and seen, or comes after, and sees the end that is being written.
 */
create function longhaul.release_next_in_session(session uuid) returns setof longhaul.runs language plpgsql as $$
begin
  perform from longhaul.sessions where id = session for update;
  return query
    update longhaul.runs set held_for = null
     where held_for = 'session'
       and id = (select id from longhaul.runs
                  where session_id = session and finished_at is null order by session_turn limit 1)
    returning runs.*;
end
$$;

-- What was said into a run at work. One that was not taken up by its run's end becomes a run, under its own id.
create table longhaul.messages (
  id uuid primary key,
  run_id uuid not null references longhaul.runs (id) on delete cascade,
  prompt text not null,
  -- What it would be submitted with as a run of its own.
  submission json not null,
  created_at timestamptz not null default now(),
  -- When Claude Code took it up; null while it waits for that.
  taken_up_at timestamptz,
  -- Whether the run's log has its event, which it gets once.
  is_told boolean not null default false
);

create index messages_by_run on longhaul.messages (run_id, id);
