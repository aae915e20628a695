-- What operators are told of: deliveries that have failed for good, and whether the same lane has taken another since.
create index webhook_deliveries_failed on longhaul.webhook_deliveries (last_attempt_at) where status = 'failed';
create index webhook_deliveries_delivered on longhaul.webhook_deliveries (lane, delivered_at) where status = 'delivered';
