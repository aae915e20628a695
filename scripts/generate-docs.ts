import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createApiDocument, toDocumentText } from './api-document.ts';
import { toConfigurationPage } from './configuration-page.ts';
import { findBreaks } from './contract-breaks.ts';
import { toDeploySamples } from './deploy-samples.ts';
import { toErrorsPage } from './errors-page.ts';
import { toGrafanaDashboard } from './grafana-dashboard.ts';
import { withMetricTables } from './metrics-page.ts';

// Writes the pages of `docs/` and the samples of `deploy/` that are generated from code; tests check that they are up to
// date. Breaking changes of the contract are written only with `-- --breaking`.

writeFileSync(new URL('../docs/errors.md', import.meta.url), toErrorsPage());
writeFileSync(new URL('../docs/configuration.md', import.meta.url), toConfigurationPage());
const metrics = new URL('../docs/metrics.md', import.meta.url);
writeFileSync(metrics, withMetricTables(readFileSync(metrics, 'utf8')));
writeFileSync(new URL('../deploy/grafana/longhaul.json', import.meta.url), toGrafanaDashboard());

for (const { path, content } of toDeploySamples()) {
  const sample = new URL(`../deploy/${path}`, import.meta.url);
  mkdirSync(new URL('.', sample), { recursive: true });
  writeFileSync(sample, content);
}

const place = new URL('../docs/openapi.json', import.meta.url);
const document = createApiDocument();
const breaks = findBreaks(JSON.parse(readFileSync(place, 'utf8')) as typeof document, document);
if (breaks.length > 0 && !process.argv.includes('--breaking')) {
  console.error(`docs/openapi.json is unchanged, because these changes would break clients:\n${breaks.join('\n')}`);
  console.error('If they are intended: npm run docs -- --breaking, and a line for users in CHANGELOG.md.');
  process.exit(1);
}
writeFileSync(place, toDocumentText(document));
