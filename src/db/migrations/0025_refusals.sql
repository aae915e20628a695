-- What a refusal was about, where the provider has named it.
alter table longhaul.runs add column error_category text;
