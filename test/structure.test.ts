import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const src = path.resolve(import.meta.dirname, '../src');

/** Rooms that a room may import, besides itself. Every room may import `core`; the files in `src/` itself compose. */
const RULES: Record<string, readonly string[]> = {
  core: [],
  config: [],
  db: ['config'],
  queue: ['db'],
  audit: ['db'],
  alert: ['config', 'db', 'queue', 'audit'],
  access: ['config', 'db', 'audit', 'run'],
  run: ['config', 'db', 'queue', 'audit'],
  agent: ['config'],
  gateway: ['config'],
  schedule: ['db', 'run', 'audit'],
  stream: ['db', 'run'],
  worker: ['config', 'db', 'queue', 'run', 'audit', 'agent', 'gateway'],
  stats: ['config', 'db', 'queue', 'run'],
  webhook: ['config', 'db', 'audit', 'run'],
  dashboard: [],
  api: [
    'dashboard',
    'stats',
    'access',
    'config',
    'db',
    'queue',
    'run',
    'schedule',
    'stream',
    'alert',
    'audit',
    'webhook',
  ],
  client: ['api/contract.ts'],
  testing: ['config', 'client', 'db', 'queue', 'api/admin-key.ts', 'longhaul.ts'],
  cli: ['access', 'config', 'db', 'api', 'client', 'testing', 'longhaul.ts', 'version.ts'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const files = globSync('**/*.ts', { cwd: src }).filter((file) => !/\.(test|fixture)\.ts$/.test(file));
const imports: Import[] = files.flatMap((from) => {
  const text = readFileSync(path.join(src, from), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, target = '']) => ({
    from,
    to: path.join(path.dirname(from), target),
  }));
});

const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

describe('the folders of src', () => {
  it('are the rooms of the design, each with an import rule', () => {
    expect(new Set(files.map(roomOf).filter(Boolean))).toEqual(new Set(Object.keys(RULES)));
  });

  it('import only the rooms that the design allows', () => {
    const broken = imports.filter(({ from, to }) => {
      const room = roomOf(from);
      if (room === '' || room === roomOf(to) || (roomOf(to) === 'core' && room !== 'core')) return false;
      return !RULES[room]?.some((allowed) => (allowed.endsWith('.ts') ? to === allowed : roomOf(to) === allowed));
    });
    expect(broken.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('have no cycle of files', () => {
    const graph = Map.groupBy(imports, ({ from }) => from);
    const done = new Set<string>();
    const visit = (file: string, trail: readonly string[]): string[] => {
      if (trail.includes(file)) return [[...trail.slice(trail.indexOf(file)), file].join(' → ')];
      if (done.has(file)) return [];
      const cycles = (graph.get(file) ?? []).flatMap(({ to }) => visit(to, [...trail, file]));
      done.add(file);
      return cycles;
    };
    expect(files.flatMap((file) => visit(file, []))).toEqual([]);
  });

  it('let the client import only types of the contract', () => {
    for (const file of files.filter((name) => name.startsWith('client/'))) {
      const text = readFileSync(path.join(src, file), 'utf8');
      const packages = [...text.matchAll(/^(?:import|export)(?! type).*from '([^']+)'/gm)].map(
        ([, target = '']) => target,
      );
      const isOfReact = file.startsWith('client/react/');
      const isAllowed = (target: string) =>
        target.startsWith('./') || (isOfReact && (target === 'react' || /^\.\.\/[\w-]+\.ts$/.test(target)));
      expect(packages.filter((target) => !isAllowed(target))).toEqual([]);
    }
  });

  it('describe the invariants of each room that rests on some', () => {
    for (const room of [
      'run',
      'worker',
      'agent',
      'gateway',
      'alert',
      'audit',
      'access',
      'stream',
      'webhook',
      'stats',
      'testing',
    ]) {
      expect(readFileSync(path.join(src, room, 'README.md'), 'utf8').length).toBeGreaterThan(500);
    }
  });
});
