-- What a worker's machine lacks, so that it claims nothing; null: nothing.
alter table longhaul.workers add column fault text;

-- The agents whose runs it takes; null: a worker of a version that does not say.
alter table longhaul.workers add column agents text[];
