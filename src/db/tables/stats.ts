export interface StatsTables {
  'longhaul.stat_counts': StatCountsTable;
  'longhaul.stat_times': StatTimesTable;
  'longhaul.queue_samples': QueueSamplesTable;
  'longhaul.slot_samples': SlotSamplesTable;
  'longhaul.stat_progress': { minutes_until: Date; quarters_until: Date; sampled_at: Date };
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
