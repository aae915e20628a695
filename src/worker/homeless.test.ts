import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

const SCRIPT = `
import { prepareWorkspace } from ${JSON.stringify(new URL('./workspace.ts', import.meta.url).href)};
const workspace = { root: process.cwd(), mode: 'shared', from: null };
process.stdout.write(await prepareWorkspace({ workspace, run: { id: 'r', sessionId: 's' }, dataDir: '/nowhere' }));
`;

it.skipIf(process.getuid?.() !== 0)(
  'a shared workspace works for a process whose user has no name and no home directory',
  () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
      cwd: '/usr',
      env: {},
      uid: 54_321,
      gid: 54_321,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toBe('/usr');
  },
);
