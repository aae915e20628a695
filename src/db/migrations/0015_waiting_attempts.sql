-- An attempt that was given up so that its run waits for a person has an outcome of its own. What is there already
-- satisfies the wider constraint: it is not looked through again.
alter table longhaul.attempts drop constraint attempts_outcome_check;
alter table longhaul.attempts add constraint attempts_outcome_check
  check (outcome in ('succeeded', 'failed', 'cancelled', 'handed_back', 'waiting')) not valid;
