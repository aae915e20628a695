import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { ownIdentity } from '../core/process-identity.ts';
import { createScratchRoot, sweepScratch } from './scratch.ts';

test('the scratch directories of dead workers are removed, and no others', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'longhaul-scratch-'));
  vi.stubEnv('TMPDIR', root);
  try {
    const scratch = createScratchRoot();
    await scratch.ensure();
    const own = path.basename(scratch.path);
    const owners = {
      'longhaul-worker-dead': ownIdentity().replace(/^\d+/, '999999999'),
      'longhaul-worker-elsewhere': '1:1@another-machine',
      'longhaul-worker-of-another-version': '999999999:1',
      'longhaul-worker-being-made': '',
      'somebody-else': ownIdentity().replace(/^\d+/, '999999999'),
    };
    for (const [name, owner] of Object.entries(owners)) {
      await mkdir(path.join(root, name));
      await writeFile(path.join(root, name, 'owner'), owner);
    }
    await sweepScratch();
    const { 'longhaul-worker-dead': _, ...kept } = owners;
    expect((await readdir(root)).toSorted()).toEqual([own, ...Object.keys(kept)].toSorted());
  } finally {
    vi.unstubAllEnvs();
    await rm(root, { recursive: true });
  }
});
