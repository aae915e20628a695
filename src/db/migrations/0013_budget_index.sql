-- An account's key in another order. The index on start and period alone was taken for finding one account as well,
-- as long as there were no statistics, and read those of everybody for it: with each submission.
drop index longhaul.budget_accounts_current;
create unique index budget_accounts_current on longhaul.budget_accounts (start, period, scope, key);
