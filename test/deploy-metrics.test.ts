import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { dashboardQueries, toGrafanaDashboard } from '../scripts/grafana-dashboard.ts';
import { withMetricTables } from '../scripts/metrics-page.ts';
import { METRICS, type Metric } from '../src/metrics/metric-table.ts';
import { hasPromtool, promtool } from './support/promtool.ts';

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
const RULES = 'deploy/prometheus/rules.yml';

/** Returns the names of the series that Prometheus stores. */
function seriesNames(): Set<string> {
  const names = Object.entries<Metric>(METRICS).flatMap(([name, { type }]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  return new Set(names);
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/\b(?:longhaul|gen_ai|http_server|process)_[a-z_]+\b/g)].map(([name]) => name);
}

/** Labels in queries, such as the status code of a response, look like metrics. */
const LABELS = new Set(Object.values<Metric>(METRICS).flatMap(({ labels }) => labels));

describe('the files for Prometheus and Grafana', () => {
  it('are as the code has them', () => {
    expect(read('deploy/grafana/longhaul.json'), 'run: npm run docs').toBe(toGrafanaDashboard());
    expect(read('docs/metrics.md'), 'run: npm run docs').toBe(withMetricTables(read('docs/metrics.md')));
  });

  it('use only metrics that exist', () => {
    const known = seriesNames();
    const expressions = read(RULES)
      .split('\n')
      .filter((line) => !/^\s*(?:#|summary|description)/.test(line));
    const used = namesIn([...dashboardQueries(), ...expressions].join('\n')).filter((name) => !LABELS.has(name));
    expect(used.length).toBeGreaterThan(50);
    expect(used.filter((name) => !known.has(name))).toEqual([]);
  });

  it.runIf(hasPromtool)('have rules and queries that Prometheus accepts', () => {
    expect(promtool(['check', 'rules', RULES])).toContain('SUCCESS');
    const rules = dashboardQueries().map((query, index) => ({
      record: `panel:${index}`,
      expr: query.replaceAll('$__rate_interval', '5m'),
    }));
    const directory = mkdtempSync(path.join(tmpdir(), 'longhaul-panels-'));
    const file = path.join(directory, 'panels.yml');
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'panels', rules }] }));
    expect(promtool(['check', 'rules', file])).toContain(`${rules.length} rules found`);
    rmSync(directory, { recursive: true });
  });

  it.runIf(hasPromtool)('have rules that fire when they should, and not when all is well', () => {
    expect(promtool(['test', 'rules', 'rules.test.yml'], { cwd: 'deploy/prometheus' })).toContain('SUCCESS');
  });
});
