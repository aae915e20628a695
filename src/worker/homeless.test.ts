import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { canOtherUsersRead, ORDINARY_UID } from '../../test/support/other-users.ts';

const SCRIPT = `
import { prepareWorkspace } from ${JSON.stringify(new URL('./workspace.ts', import.meta.url).href)};
const workspace = { root: process.cwd(), mode: 'shared', from: null };
process.stdout.write(await prepareWorkspace({ workspace, run: { id: 'r', sessionId: 's' }, dataDir: '/nowhere' }));
`;

it.skipIf(process.getuid?.() !== 0 || !canOtherUsersRead)(
  'a shared workspace works for a process whose user has no name and no home directory',
  () => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', SCRIPT], {
      cwd: '/usr',
      env: {},
      uid: ORDINARY_UID,
      gid: ORDINARY_UID,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(stdout).toBe('/usr');
  },
);
