import { expect, it } from 'vitest';
import { ERRORS } from './errors.ts';
import { RESTART_EXIT_CODE } from './exit-codes.ts';

it('is not the exit code of any error that a worker asks to be started again', () => {
  expect(RESTART_EXIT_CODE).toBe(75);
  expect(Object.values(ERRORS).map(({ exitCode }) => exitCode)).not.toContain(RESTART_EXIT_CODE);
});
