import { expect, it } from 'vitest';
import { ERRORS } from './errors.ts';
import { RESTART_EXIT_CODE } from './exit-codes.ts';

it('the restart exit code is not the exit code of any error', () => {
  expect(RESTART_EXIT_CODE).toBe(75);
  expect(Object.values(ERRORS).map(({ exitCode }) => exitCode)).not.toContain(RESTART_EXIT_CODE);
});
