import { writeFileSync } from 'node:fs';
import { toConfigurationPage } from './configuration-page.ts';
import { toErrorsPage } from './errors-page.ts';

// Writes the pages of `docs/` that are made from code. Tests hold them to it.

writeFileSync(new URL('../docs/errors.md', import.meta.url), toErrorsPage());
writeFileSync(new URL('../docs/configuration.md', import.meta.url), toConfigurationPage());
