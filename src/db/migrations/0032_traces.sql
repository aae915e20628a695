-- The trace that a run belongs to: the caller's span, or the spans that led to it. Null: the run begins a trace, whose id is
-- the run's. The ids of the spans of a run and of its attempts follow from their own ids, so they are not stored.

alter table longhaul.runs add column trace json;
