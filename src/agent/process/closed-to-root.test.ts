import { chmod, chown, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { collectLog } from '../../core/log.fixture.ts';
import { createAttempt } from '../attempt.fixture.ts';
import { startAgentProcess } from '../agent-process.ts';
import { findContainment, dropsCapabilities } from '../containment/containment.ts';
import { startScriptedModel, say } from '../../testing/index.ts';

const isWithoutCapabilities = dropsCapabilities(await findContainment());
const SOMEBODY = 61_234;

/** Makes a workspace of another user, and a directory above it, with these permissions. */
async function createWorkspace({ own, above = 0o755 }: { own: number; above?: number }) {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-closed-')));
  const workspaceDir = path.join(root, 'workspace');
  await mkdir(workspaceDir);
  for (const [place, mode] of [
    [workspaceDir, own],
    [root, above],
  ] as const) {
    await chmod(place, mode);
    await chown(place, SOMEBODY, SOMEBODY);
  }
  return { workspaceDir, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

test.runIf(isWithoutCapabilities).each([
  ['itself', { own: 0o700 }],
  ['above it', { own: 0o755, above: 0o700 }],
])(
  'a workspace that only another user may read, because of a directory %s, is rejected with advice',
  async (_, modes) => {
    await using workspace = await createWorkspace(modes);
    await using attempt = await createAttempt({ spec: { workspaceDir: workspace.workspaceDir } });
    expect((await startAgentProcess(attempt.spec).done).outcome).toMatchObject({
      status: 'failed',
      code: 'workspace_invalid',
      detail: expect.stringContaining(`belongs to the user ${SOMEBODY} and does not let other users read`) as string,
    });
  },
);

test.runIf(isWithoutCapabilities)(
  'a workspace that root may not write to is logged once, if its agent has tools that write',
  async () => {
    const { log, lines } = collectLog();
    await using model = await startScriptedModel({ script: [say('one'), say('two'), say('three')] });
    await using workspace = await createWorkspace({ own: 0o755 });
    const { workspaceDir } = workspace;
    for (const tools of [['Read'], ['Write'], ['Write']]) {
      await using attempt = await createAttempt({ url: model.url, agent: { tools }, spec: { workspaceDir, log } });
      expect((await startAgentProcess(attempt.spec).done).outcome).toMatchObject({ status: 'succeeded' });
    }
    expect(lines.filter(({ text }) => text.includes('does not let other users write'))).toHaveLength(1);
  },
);
