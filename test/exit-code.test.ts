import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, it } from 'vitest';

it('a failing test makes the command fail, with PostgreSQL or without', async () => {
  const vitest = path.resolve('node_modules/vitest/vitest.mjs');
  const config = path.resolve(import.meta.dirname, 'fixtures/failing-config.ts');
  const child = spawn(process.execPath, [vitest, 'run', '--config', config], {
    // Without the variables that would tell the inner run that it is nested.
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'] },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let printed = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  expect(printed).toContain('1 failed');
  expect(exitCode).toBe(1);
});
