import { ok, warning, type Check } from '../check.ts';

export const configuration: Check = {
  id: 'configuration',
  theme: 'configuration',
  title: 'The configuration is valid',
  docs: 'docs/configuration.md',
  examine({ config }) {
    if (config.warnings.length > 0) return warning(config.warnings.join(' '), 'Remove what has no effect.');
    return ok(config.file ?? 'given by the application');
  },
};
