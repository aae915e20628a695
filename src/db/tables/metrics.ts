export interface MetricTables {
  'longhaul.metric_totals': MetricTotalsTable;
  'longhaul.metric_progress': { counted_until: Date };
}

interface MetricTotalsTable {
  name: string;
  agent: string;
  model: string;
  kind: string;
  code: string;
  amount: number;
}
