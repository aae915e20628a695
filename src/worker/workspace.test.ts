import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Workspace } from '../config/config.ts';
import { createId } from '../core/ids.ts';
import { collectLog } from '../core/log.fixture.ts';
import {
  adoptWorkspace,
  prepareSpareWorkspace,
  prepareWorkspace,
  removeOldWorkspaces,
  removeSpareWorkspace,
} from './workspace.ts';

/** No session is left. */
const findSessions = () => Promise.resolve(new Set<string>());

describe('a workspace', () => {
  let root: string;
  beforeEach(async () => {
    root = await realpath(await mkdtemp(path.join(tmpdir(), 'longhaul-workspace-')));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const run = () => ({ id: createId(), sessionId: createId() });
  const prepare = (workspace: Workspace, run: { id: string; sessionId: string }) =>
    prepareWorkspace({ workspace, run, dataDir: path.join(root, 'elsewhere/data') });

  it('that is shared is its root, through links, and must exist', async () => {
    await mkdir(path.join(root, 'real'));
    await symlink('real', path.join(root, 'link'));
    const workspace = { root: path.join(root, 'link'), mode: 'shared', from: null } as const;
    expect(await prepare(workspace, run())).toBe(path.join(root, 'real'));
    await expect(prepare({ ...workspace, root: path.join(root, 'missing') }, run())).rejects.toMatchObject({
      code: 'workspace_invalid',
    });
  });

  it('is never the root of the machine, a home directory or a file', async () => {
    await writeFile(path.join(root, 'file'), '');
    for (const place of ['/', homedir(), path.join(root, 'file')]) {
      await expect(prepare({ root: place, mode: 'shared', from: null }, run())).rejects.toMatchObject({
        code: 'workspace_invalid',
      });
    }
  });

  it('neither shows nor copies the data directory, through any link', async () => {
    const dataDir = path.join(root, 'data');
    await mkdir(path.join(dataDir, 'db'), { recursive: true });
    await symlink(dataDir, path.join(root, 'data-link'));
    for (const place of [root, path.join(root, 'data-link'), path.join(root, 'data-link/db')]) {
      await symlink(place, path.join(root, 'lure'));
      for (const workspace of [
        { root: path.join(root, 'lure'), mode: 'shared', from: null } as const,
        { root: path.join(root, 'runs'), mode: 'perRun', from: path.join(root, 'lure') } as const,
      ]) {
        await expect(
          prepareWorkspace({ workspace, run: run(), dataDir: path.join(root, 'data-link') }),
        ).rejects.toMatchObject({
          code: 'workspace_invalid',
          message: expect.stringContaining("Longhaul's data directory") as string,
        });
      }
      await rm(path.join(root, 'lure'));
    }
    expect(await readdir(path.join(root, 'runs'))).toEqual([]);
  });

  it('of a run is separate, begins as a copy, and is found again by the next attempt', async () => {
    await mkdir(path.join(root, 'template'));
    await writeFile(path.join(root, 'template/notes.md'), 'as given');
    const workspace = { root: path.join(root, 'runs'), mode: 'perRun', from: path.join(root, 'template') } as const;
    const [first, second] = [run(), run()];
    const directory = await prepare(workspace, first);
    await writeFile(path.join(directory, 'notes.md'), 'changed');
    expect(await prepare(workspace, first)).toBe(directory);
    expect(await readFile(path.join(directory, 'notes.md'), 'utf8')).toBe('changed');
    expect(await readFile(path.join(await prepare(workspace, second), 'notes.md'), 'utf8')).toBe('as given');
  });

  it('begins without the sockets and pipes of its template, which are logged once', async () => {
    const template = path.join(root, 'template');
    await mkdir(path.join(template, 'deep'), { recursive: true });
    await writeFile(path.join(template, 'deep/notes.md'), 'as given');
    await symlink('deep', path.join(template, 'link'));
    const server = createServer().listen(path.join(template, 'deep/editor.sock'));
    await once(server, 'listening');
    await promisify(execFile)('mkfifo', [path.join(template, 'pipe')]);
    const { log, lines } = collectLog();
    const workspace = { root: path.join(root, 'runs'), mode: 'perRun', from: template } as const;
    const dataDir = path.join(root, 'elsewhere/data');
    for (const directory of [
      await prepareWorkspace({ workspace, run: run(), dataDir, log }),
      await prepareSpareWorkspace({ workspace, dataDir, log }),
    ]) {
      expect((await readdir(directory, { recursive: true })).sort()).toEqual([
        'deep',
        'deep/notes.md',
        'link',
        'link/notes.md',
      ]);
    }
    expect(lines).toMatchObject([
      { template, skipped: expect.arrayContaining(['deep/editor.sock', 'pipe']) as unknown },
    ]);
    server.close();
  });

  it('of a session is shared by its runs', async () => {
    const workspace = { root, mode: 'perSession', from: null } as const;
    const first = run();
    expect(await prepare(workspace, first)).toBe(await prepare(workspace, { ...run(), sessionId: first.sessionId }));
  });

  it('is not followed out of its root by a link in its place', async () => {
    const outside = await mkdtemp(path.join(tmpdir(), 'longhaul-outside-'));
    const lured = run();
    await symlink(outside, path.join(root, lured.id));
    await expect(prepare({ root, mode: 'perRun', from: null }, lured)).rejects.toMatchObject({
      code: 'workspace_invalid',
    });
    await rm(outside, { recursive: true });
  });

  it('of an old run is removed, and nothing else in the root', async () => {
    const workspace = { root, mode: 'perRun', from: null } as const;
    const young = run();
    await prepare(workspace, young);
    await mkdir(path.join(root, '01890a5d-ac96-774b-bcce-b302099a8057')); // Made in July 2023.
    await mkdir(path.join(root, 'something-else'));
    await removeOldWorkspaces(workspace, { before: new Date('2024-01-01'), findSessions });
    expect((await readdir(root)).sort()).toEqual([young.id, 'something-else'].sort());
  });

  it('of an old session is removed when the session is deleted', async () => {
    const [kept, deleted] = ['01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d-ac96-774b-bcce-b302099a8058'];
    for (const name of [kept, deleted]) await mkdir(path.join(root, name));
    const findKept = (ids: readonly string[]) => Promise.resolve(new Set(ids.filter((id) => id === kept)));
    const options = { before: new Date('2024-01-01'), findSessions: findKept };
    await removeOldWorkspaces({ root, mode: 'perSession', from: null }, options);
    expect(await readdir(root)).toEqual([kept]);
  });

  it('that is pre-made is given to one run, and found again by its next attempt', async () => {
    await mkdir(path.join(root, 'template'));
    await writeFile(path.join(root, 'template/notes.md'), 'hello');
    const workspace = { root: path.join(root, 'runs'), mode: 'perRun', from: path.join(root, 'template') } as const;
    const spare = await prepareSpareWorkspace({ workspace, dataDir: path.join(root, 'elsewhere/data') });
    expect(await readFile(path.join(spare, 'notes.md'), 'utf8')).toBe('hello');
    const taker = run();
    expect(await adoptWorkspace(spare, { workspace, run: taker })).toBe('adopted');
    await writeFile(path.join(spare, 'notes.md'), 'changed');
    expect(await prepare(workspace, taker)).toBe(spare);
    expect(await readFile(path.join(workspace.root, taker.id, 'notes.md'), 'utf8')).toBe('changed');
    expect(await adoptWorkspace(spare, { workspace, run: taker })).toBe('taken');
    await rm(spare, { recursive: true });
    expect(await adoptWorkspace(spare, { workspace, run: run() })).toBe('gone');
  });

  it('is not followed out of its root by a link in its place', async () => {
    const workspace = { root: path.join(root, 'runs'), mode: 'perRun', from: null } as const;
    const other = run();
    await prepare(workspace, run());
    await mkdir(path.join(root, other.sessionId));
    await symlink(`../${other.sessionId}`, path.join(workspace.root, other.id));
    await expect(prepare(workspace, other)).rejects.toMatchObject({ code: 'workspace_invalid' });
  });

  it('that is pre-made and never used is removed, but not a shared workspace', async () => {
    const workspace = { root: path.join(root, 'runs'), mode: 'perRun', from: null } as const;
    const dataDir = path.join(root, 'elsewhere/data');
    const spare = await prepareSpareWorkspace({ workspace, dataDir });
    await removeSpareWorkspace(spare, workspace);
    expect(await readdir(workspace.root)).toEqual([]);
    const shared = { ...workspace, mode: 'shared' } as const;
    await removeSpareWorkspace(await prepareSpareWorkspace({ workspace: shared, dataDir }), shared);
    expect(await readdir(workspace.root)).toEqual([]);
  });

  it('that a killed worker left half-made, or made for no run, is removed after an hour', async () => {
    const workspace = { root: path.join(root, 'runs'), mode: 'perRun', from: null } as const;
    const old = '01900000-0000-7000-8000-00000000000';
    const young = createId();
    const kept = createId();
    await mkdir(workspace.root);
    for (const name of [`spare-${old}1`, `spare-${old}2`, `.${old}3.new`, `spare-${young}`, `.${young}.new`, 'notes']) {
      await mkdir(path.join(workspace.root, name));
    }
    await symlink(`spare-${old}1`, path.join(workspace.root, kept));
    await removeOldWorkspaces(workspace, { before: new Date(0), findSessions });
    expect((await readdir(workspace.root)).sort()).toEqual(
      [kept, 'notes', `spare-${old}1`, `spare-${young}`, `.${young}.new`].sort(),
    );
  });
});
