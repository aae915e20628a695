import { readFileSync, writeFileSync } from 'node:fs';
import { createApiDocument, toDocumentText } from './api-document.ts';
import { toConfigurationPage } from './configuration-page.ts';
import { findBreaks } from './contract-breaks.ts';
import { toErrorsPage } from './errors-page.ts';

// Writes the pages of `docs/` that are made from code. Tests hold them to it. What breaks the contract is written only
// with `-- --breaking`.

writeFileSync(new URL('../docs/errors.md', import.meta.url), toErrorsPage());
writeFileSync(new URL('../docs/configuration.md', import.meta.url), toConfigurationPage());

const place = new URL('../docs/openapi.json', import.meta.url);
const document = createApiDocument();
const breaks = findBreaks(JSON.parse(readFileSync(place, 'utf8')) as typeof document, document);
if (breaks.length > 0 && !process.argv.includes('--breaking')) {
  console.error(`docs/openapi.json is left as it is, for this would break what clients rely on:\n${breaks.join('\n')}`);
  console.error('If it is meant: npm run docs -- --breaking, and a line for users in CHANGELOG.md.');
  process.exit(1);
}
writeFileSync(place, toDocumentText(document));
