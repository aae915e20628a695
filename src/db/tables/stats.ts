export interface StatsTables {
  'longhaul.stat_counts': StatCountsTable;
  'longhaul.stat_times': StatTimesTable;
  'longhaul.stat_count_sums': Omit<StatCountsTable, 'step' | 'team'> & { step: 'hour' | 'day' };
  'longhaul.stat_time_sums': Omit<StatTimesTable, 'step' | 'team'> & { step: 'hour' | 'day' };
  'longhaul.queue_samples': QueueSamplesTable;
  'longhaul.slot_samples': SlotSamplesTable;
  'longhaul.stat_progress': {
    minutes_until: Date;
    quarters_until: Date;
    hours_until: Date;
    days_until: Date;
    sums_zone: string | null;
    sampled_at: Date;
  };
}

interface StatRow {
  step: 'minute' | 'quarter';
  start: Date;
  agent: string;
  team: string;
  kind: string;
}

interface StatCountsTable extends StatRow {
  code: string;
  amount: number;
}

interface StatTimesTable extends StatRow {
  bucket: number;
  runs: number;
}

interface QueueSamplesTable {
  at: Date;
  queue: string;
  waiting: number;
  delayed: number;
  held: number;
  oldest_wait_ms: number | null;
}

interface SlotSamplesTable {
  at: Date;
  workers: number;
  slots: number;
  running: number;
}
