import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demoScript, say, startScriptedModel, useTool, type ScriptedModel } from '../src/testing/index.ts';
import { seedDatabase } from '../src/testing/seed-database.ts';
import { findProcessesOf, NODE_ARGS, withCache } from './support/run-command.ts';
import { startCommand, type StartedCommand } from './support/start-command.ts';

// Each example as a user would run it: a separate process in a separate directory, without a provider.

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

  describe('with a separate server', () => {
    let model: ScriptedModel;
    let longhaul: StartedCommand;

    beforeEach(async () => {
      const workspace = path.resolve(import.meta.dirname, '../examples/workspace');
      await writeFile(
        path.join(directory, 'longhaul.config.mjs'),
        `export default { agents: {
          reader: { tools: ['Read', 'Grep', 'Glob'], workspace: ${JSON.stringify(workspace)}, prewarm: false },
          doer: { tools: ['Bash'], ask: ['Bash'], prewarm: false },
        } };`,
      );
      model = await startScriptedModel({
        script: (request) => {
          if (!request.toolNames.includes('Bash')) return demoScript(request);
          return request.turn === 0 ? useTool('Bash', { command: 'echo done', description: 'a step' }) : say('Good.');
        },
      });
      const env = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: 'scripted', LONGHAUL_LOG_LEVEL: 'warn' };
      longhaul = await startCommand(directory, env);
    });

    afterEach(async () => {
      await longhaul.end('SIGTERM');
      await model.close();
    });

    it('curl: shows each event and the run', async () => {
      const { exitCode, stdout, stderr } = await start('sh', 'curl/submit-and-follow.sh').ended;
      expect(exitCode, stderr).toBe(0);
      const lines = stdout.trim().split('\n');
      expect(lines).toContain('agent.text.delta');
      expect(lines.at(-2)).toBe('run.succeeded');
      expect(JSON.parse(lines.at(-1)!)).toMatchObject({ status: 'succeeded', user: 'ann' });
    });

    it('Python: shows tool uses, the text and the outcome, with the standard library alone', async () => {
      const { exitCode, stdout, stderr } = await start('python3', 'python/submit_and_follow.py').ended;
      expect(exitCode, stderr).toBe(0);
      expect(stdout).toMatch(/^Glob \{"pattern": "\*\*\/\*"\}\nRead /);
      expect(stdout).toContain('Night desk, Halden Freight');
      expect(stdout).toMatch(/\nsucceeded: \$0\.\d+ in 3 turns\n$/);
    });

    it('approvals: asks in the terminal for pending and new approvals, and sends the decision', async () => {
      const first = await longhaul.client.submit({ agent: 'doer', prompt: 'one', user: 'ann' });
      const desk = start(process.execPath, '--conditions=longhaul-source', 'approvals/desk.ts');
      await desk.printed(/doer for ann asks to use Bash \{.*"command":"echo done"/);
      desk.say('y\n');
      expect(await longhaul.client.wait(first.id)).toMatchObject({ status: 'succeeded', result: 'Good.' });
      const second = await longhaul.client.submit({ agent: 'doer', prompt: 'two', user: 'bob' });
      await desk.printed(/doer for bob asks/);
      desk.say('n Not today.\n');
      await desk.printed(/denied\./);
      await longhaul.client.wait(second.id);
      desk.end();
      expect((await desk.ended).exitCode).toBe(0);
      const { data } = await longhaul.client.approvals();
      expect(data).toMatchObject([{ status: 'denied', reason: 'Not today.' }, { status: 'allowed' }]);
    });

    /** Starts an example that takes the server's address and key from its environment. */
    function start(command: string, ...args: string[]) {
      const file = path.resolve(import.meta.dirname, '../examples', args.pop()!);
      const child = spawn(command, [...args, file], {
        cwd: directory,
        env: { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory, LONGHAUL_URL: longhaul.url },
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const ended = once(child, 'close').then(([exitCode]) => ({
        exitCode: exitCode as number | null,
        stdout,
        stderr,
      }));
      return {
        ended,
        say: (text: string) => child.stdin.write(text),
        end: () => child.stdin.end(),
        async printed(pattern: RegExp) {
          const over = ended.then(() => 'over');
          while (!pattern.test(stdout)) {
            if ((await Promise.race([once(child.stdout, 'data'), over])) === 'over') throw new Error(stdout + stderr);
          }
        },
      };
    }
  });

  async function run(name: string) {
    const file = path.resolve(import.meta.dirname, `../examples/${name}.ts`);
    await seedDatabase(path.join(directory, '.longhaul'));
    const child = spawn(process.execPath, [...NODE_ARGS, file], {
      cwd: directory,
      env: withCache({ PATH: process.env['PATH'] ?? '', HOME: directory, TMPDIR: directory }),
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
