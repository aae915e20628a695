import { writeFileSync } from 'node:fs';
import { toErrorsPage } from './errors-page.ts';

// Writes the pages of `docs/` that are made from code. A test holds them to it.

writeFileSync(new URL('../docs/errors.md', import.meta.url), toErrorsPage());
