import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toErrorsPage } from '../scripts/errors-page.ts';
import { ERRORS, REQUEST_ERRORS, RUN_ERRORS } from '../src/core/errors.ts';

describe('the table of errors', () => {
  it('has every code of the contract', () => {
    const contract =
      'run_timeout max_turns max_budget user_budget global_budget provider_rate_limit provider_overloaded provider_auth provider_error invalid_model cli_not_found cli_start_failed cli_crashed memory_exceeded hung workspace_invalid structured_output_invalid worker_lost approval_denied cancelled deadline_exceeded';
    for (const code of contract.split(' ')) expect(RUN_ERRORS).toHaveProperty(code);
  });

  it('has a different exit code for each code, and none that means success or a signal', () => {
    const exitCodes = Object.values(ERRORS).map(({ exitCode }) => exitCode);
    expect(new Set(exitCodes).size).toBe(exitCodes.length);
    for (const exitCode of exitCodes) expect(exitCode > 1 && exitCode < 126).toBe(true);
  });

  it('has the exit codes of runs and of requests in separate ranges', () => {
    for (const { exitCode } of Object.values(RUN_ERRORS)) expect(exitCode >= 10 && exitCode <= 58).toBe(true);
    for (const { exitCode } of Object.values(REQUEST_ERRORS))
      expect(exitCode === 2 || (exitCode >= 59 && exitCode <= 89)).toBe(true);
  });

  it('equals the docs', () => {
    const docs = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
    expect(docs, 'run: npm run docs').toBe(toErrorsPage());
  });

  it('has the length that the README names', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(`[${Object.keys(RUN_ERRORS).length} codes](docs/errors.md)`);
  });
});
