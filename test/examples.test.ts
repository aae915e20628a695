import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findProcessesOf } from './support/run-command.ts';

// Each example as its reader would run it: a process of its own, in a directory of its own, with no provider.

describe('the examples', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'longhaul-example-'));
  });

  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('submit-and-follow shows each tool use and the text, then the outcome with its cost', async () => {
    const { exitCode, stdout, stderr } = await run('submit-and-follow');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toMatch(/^Glob { pattern: '\*\*\/\*' }\nRead { file_path: 'README\.md' }\n/);
    expect(stdout).toContain('You asked: “What is this workspace about?”');
    expect(stdout).toContain('Night desk, Halden Freight');
    expect(stdout).toMatch(/\nsucceeded: \$0\.\d+ in 3 turns\n$/);
    expect(await findProcessesOf(directory)).toEqual([]);
  });

  it("mount-in-an-app answers the application's own routes and Longhaul's on one port", async () => {
    const { exitCode, stdout, stderr } = await run('mount-in-an-app');
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toBe('The application itself.\nThe run succeeded.\n');
    expect(await findProcessesOf(directory)).toEqual([]);
  });

  async function run(name: string) {
    const file = path.resolve(import.meta.dirname, `../examples/${name}.ts`);
    const child = spawn(process.execPath, ['--conditions=longhaul-source', file], {
      cwd: directory,
      env: { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode, stdout, stderr };
  }
});
