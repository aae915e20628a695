import { METRICS, type Metric } from '../src/metrics/metric-table.ts';

const BEGIN = '<!-- The tables are generated from the code by `npm run docs`. -->';
const END = '<!-- End of the tables. -->';

/** Returns `docs/metrics.md` with its tables as the code has them. */
export function withMetricTables(page: string): string {
  const [before, rest = ''] = page.split(BEGIN);
  const [, after] = rest.split(END);
  if (after === undefined) throw new Error(`docs/metrics.md must contain the lines ${BEGIN} and ${END}`);
  const tables = `### Of the fleet\n\n${toTable('fleet')}\n\n### Of a process\n\n${toTable('process')}`;
  return `${before}${BEGIN}\n\n${tables}\n\n${END}${after}`;
}

function toTable(scope: Metric['scope']): string {
  const rows = Object.entries<Metric>(METRICS)
    .filter(([, metric]) => metric.scope === scope)
    .map(([name, { type, labels, help }]) => {
      const names = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${names} | ${help} |`;
    });
  return ['| name | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
