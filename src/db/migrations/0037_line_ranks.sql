-- The first and last runs of a line, each read from one entry of the index that is in this order. PostgreSQL would rather
-- sort all queued runs whenever its statistics are of a time without any, and then each submission reads all of them: the
-- functions leave it no sort. They keep their plans.

/* The first rank of a queue; null: the queue is empty. */
create function longhaul.first_rank(of_queue text) returns bigint language plpgsql stable
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off as $$
begin
  return (select fair_rank from longhaul.runs
           where status = 'queued' and start_after is null and queue = of_queue
           order by queue, fair_rank limit 1);
end $$;

/*
 * The last rank of an owner in a queue; null: the owner has no run there. Takes the last entry up to where the owner's
 * last would be, if it is the owner's.
 */
create function longhaul.last_rank(of_queue text, of_owner text) returns bigint language plpgsql stable
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off as $$
begin
  return (select last.fair_rank from (
            select queue, longhaul.line_of(team, user_id) as owner, fair_rank from longhaul.runs
             where status = 'queued' and start_after is null
               and (queue, longhaul.line_of(team, user_id), fair_rank) <= (of_queue, of_owner, 9223372036854775807)
             order by queue desc, longhaul.line_of(team, user_id) desc, fair_rank desc limit 1) as last
           where last.queue = of_queue and last.owner = of_owner);
end $$;

/* The runs of a team that may have its next turns, in their order. */
create function longhaul.next_of_team(of_queue text, of_team text, of_priority integer, most integer)
returns table (id uuid, team text, priority integer, team_rank bigint) language plpgsql stable
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off as $$
begin
  return query
    select run.id, run.team, run.priority, run.team_rank from longhaul.runs as run
     where run.status = 'queued' and run.start_after is null and run.team is not null and run.held_for is null
       and run.attempt = 0 and run.queue = of_queue and run.team = of_team and run.priority = of_priority
     order by run.queue, run.team, run.priority, run.team_rank, run.id limit most;
end $$;

/* The last rank of a user within a team and priority; null: the user has no run there. Works as last_rank. */
create function longhaul.last_team_rank(of_queue text, of_team text, of_priority integer, of_member text)
returns bigint language plpgsql stable
set enable_sort = off set enable_bitmapscan = off set enable_seqscan = off as $$
begin
  return (select last.team_rank from (
            select queue, team, priority, coalesce(user_id, '') as member, team_rank from longhaul.runs
             where status = 'queued' and start_after is null and team is not null
               and (queue, team, priority, coalesce(user_id, ''), team_rank)
                   <= (of_queue, of_team, of_priority, of_member, 9223372036854775807)
             order by queue desc, team desc, priority desc, coalesce(user_id, '') desc, team_rank desc limit 1) as last
           where last.queue = of_queue and last.team = of_team and last.priority = of_priority
             and last.member = of_member);
end $$;
