import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { installPackage } from './support/pack-package.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');

// The package as another project uses it: packed, installed from its tarball, imported by its name.

describe('the package, installed from its tarball', () => {
  let project: string;

  beforeAll(async () => {
    project = await installPackage();
  }, 300_000);

  const env = () => ({ PATH: process.env['PATH'], HOME: project, TMPDIR: tmpdir() });
  const longhaul = (...args: string[]) =>
    run(process.execPath, [path.join(project, 'node_modules/.bin/longhaul'), ...args], { cwd: project, env: env() });

  it('has the command, which runs the demo', async () => {
    expect((await longhaul('--version')).stdout.trim()).toMatch(/^\d+\.\d+\.\d+$/);
    const { stdout } = await longhaul('demo');
    expect(stdout).toMatch(/● Read/);
    expect(stdout).toMatch(/✓ succeeded +\$\d/);
  }, 120_000);

  it('takes a TypeScript configuration that imports it by name, and creates its database', async () => {
    await writeFile(
      path.join(project, 'longhaul.config.ts'),
      "import { defineConfig } from 'longhaul';\nexport default defineConfig({ agents: { mute: { tools: [] } } });\n",
    );
    // The package brings a database with every migration.
    expect((await longhaul('migrate')).stdout).toContain('up to date');
  });

  it('runs inside an application, with its client and its test kit', async () => {
    await writeFile(
      path.join(project, 'app.ts'),
      `import { createLonghaul, type Longhaul } from 'longhaul';
       import { createClient } from 'longhaul/client';
       import { textOf, verifyWebhook } from 'longhaul/client';
       import { say, startTestLonghaul } from 'longhaul/testing';
       const kit = await startTestLonghaul({ config: { agents: { mute: { tools: [] } } }, script: () => say('hello from a test') });
       const longhaul: Longhaul = kit.longhaul;
       const run = await kit.client.submit({ agent: 'mute', prompt: 'hi' });
       for await (const event of kit.client.stream(run.id)) if (event.type === 'run.succeeded') console.log(event.data['result']);
       console.log((await longhaul.client.wait(run.id)).status, typeof longhaul.nodeHandler, typeof textOf, typeof verifyWebhook);
       console.log(typeof createLonghaul, typeof createClient, longhaul.config.port);
       await kit.stop();`,
    );
    const { stdout } = await run(process.execPath, ['app.ts'], {
      cwd: project,
      env: { ...env(), LONGHAUL_TEST_DATABASE: process.env['LONGHAUL_TEST_DATABASE'] },
    });
    expect(stdout.split('\n')).toEqual([
      'hello from a test',
      'succeeded function function function',
      'function function 4400',
      '',
    ]);
  }, 60_000);

  it('has a client that loads without any other package, and hooks that need only React', async () => {
    const dist = path.join(project, 'node_modules/longhaul/dist');
    // As in a browser: only these files.
    const alone = await mkdtemp(path.join(tmpdir(), 'longhaul-client-'));
    try {
      await cp(path.join(dist, 'client'), path.join(alone, 'client'), { recursive: true });
      await writeFile(path.join(alone, 'package.json'), '{ "type": "module" }');
      await run(process.execPath, ['--input-type=module', '-e', "await import('./client/client.js')"], { cwd: alone });
      const hooks = run(process.execPath, ['--input-type=module', '-e', "await import('./client/react/react.js')"], {
        cwd: alone,
      });
      await expect(hooks).rejects.toMatchObject({ stderr: expect.stringContaining("package 'react'") as string });
      await symlink(path.join(root, 'node_modules'), path.join(alone, 'node_modules'));
      await run(process.execPath, ['--input-type=module', '-e', "await import('./client/react/react.js')"], {
        cwd: alone,
      });
    } finally {
      await rm(alone, { recursive: true, force: true });
    }
  });

  it('rejects a Node that is too old, with a message', async () => {
    const script = `Object.defineProperty(process.versions, 'node', { value: '20.1.0' }); Object.defineProperty(process, 'version', { value: 'v20.1.0' }); await import(${JSON.stringify(path.join(project, 'node_modules/longhaul/bin/longhaul.js'))});`;
    await expect(
      run(process.execPath, ['--input-type=module', '-e', script], { cwd: project, env: env() }),
    ).rejects.toMatchObject({
      stderr: expect.stringMatching(/Node 20\.1\.0.*needs 22\.18/) as string,
    });
  });
});
