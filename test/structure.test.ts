import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const src = path.resolve(import.meta.dirname, '../src');

/** Rooms that a room may import, besides itself. Every room may import `core`; the files in `src/` itself compose. */
const RULES: Record<string, readonly string[]> = {
  core: [],
  config: [],
  db: ['config'],
  queue: ['config', 'db'],
  audit: ['db'],
  alert: ['config', 'db', 'queue', 'audit'],
  access: ['config', 'db', 'audit', 'run'],
  run: ['config', 'db', 'queue', 'audit'],
  agent: ['config'],
  gateway: ['config'],
  egress: [],
  schedule: ['db', 'run', 'audit'],
  stream: ['db', 'run'],
  tracing: ['config'],
  worker: ['config', 'db', 'queue', 'run', 'audit', 'agent', 'gateway', 'egress', 'tracing'],
  stats: ['config', 'db', 'queue', 'run'],
  webhook: ['config', 'db', 'audit', 'run'],
  metrics: ['config', 'db', 'run', 'stats', 'alert'],
  doctor: ['config', 'db', 'queue', 'access', 'agent', 'run', 'worker'],
  drill: [
    'config',
    'db',
    'agent',
    'alert',
    'client',
    'doctor',
    'scripted-model',
    'webhook',
    'api/admin-key.ts',
    'api/listen.ts',
    'longhaul.ts',
  ],
  dashboard: [],
  deploy: ['config'],
  api: [
    'dashboard',
    'metrics',
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
    'doctor',
  ],
  managed: ['access', 'config', 'db', 'queue', 'run', 'schedule', 'stream', 'audit'],
  client: ['api/contract.ts'],
  'scripted-model': [],
  testing: ['scripted-model', 'config', 'client', 'db', 'queue', 'api/admin-key.ts', 'longhaul.ts'],
  cli: ['access', 'config', 'db', 'deploy', 'api', 'client', 'doctor', 'drill', 'longhaul.ts', 'version.ts'],
};

/** Folders that import each other although neither contains the other: none may be added. */
const TWO_WAY: readonly string[] = ['api/routes and api/web-socket'];

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

/** Lists the circles in which things import each other. */
function findCycles(edges: readonly Import[]): string[] {
  const graph = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const visit = (place: string, trail: readonly string[]): string[] => {
    if (trail.includes(place)) return [[...trail.slice(trail.indexOf(place)), place].join(' → ')];
    if (done.has(place)) return [];
    const cycles = (graph.get(place) ?? []).flatMap(({ to }) => visit(to, [...trail, place]));
    done.add(place);
    return cycles;
  };
  return [...graph.keys()].flatMap((place) => visit(place, []));
}

const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '');

describe('the folders of src', () => {
  it('are the rooms of the design, each with an import rule', () => {
    expect(new Set(files.map(roomOf).filter(Boolean))).toEqual(new Set(Object.keys(RULES)));
  });

  it('are the rooms of the table in ARCHITECTURE.md, with the same imports', () => {
    const page = readFileSync(path.join(src, '../ARCHITECTURE.md'), 'utf8');
    const rows = page
      .slice(page.indexOf('## Rooms'), page.indexOf('## Parts'))
      .matchAll(/^\| `([a-z-]+)` \|.*\|(.*)\|$/gm);
    const table = [...rows].map(([, room = '', imported = '']): [string, string[]] => [
      room,
      [...imported.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name).sort(),
    ]);
    const rules = Object.entries(RULES).map(([room, allowed]): [string, string[]] => [room, [...allowed].sort()]);
    expect(Object.fromEntries(table)).toEqual(Object.fromEntries(rules));
  });

  it('import only the rooms that the design allows', () => {
    const broken = imports.filter(({ from, to }) => {
      const room = roomOf(from);
      if (room === '' || room === roomOf(to) || (roomOf(to) === 'core' && room !== 'core')) return false;
      return !RULES[room]?.some((allowed) => (allowed.endsWith('.ts') ? to === allowed : roomOf(to) === allowed));
    });
    expect(broken.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('load OpenTelemetry only when it is asked for', () => {
    const text = (file: string) => readFileSync(path.join(src, file), 'utf8');
    const loading = files.filter((file) => /^import (?!type)[^;]* from '@opentelemetry\//m.test(text(file)));
    expect(loading).toEqual(['tracing/exporter.ts', 'tracing/to-readable-span.ts']);
    const importing = files.filter((file) =>
      /^import (?!type)[^;]* from '[^']*(exporter|to-readable-span)\.ts'/m.test(text(file)),
    );
    expect(importing).toEqual(['tracing/exporter.ts']);
  });

  it('own their tables: the API has no SQL', () => {
    const holdsSql = (file: string) => /from 'kysely'|\.sql\b/.test(readFileSync(path.join(src, file), 'utf8'));
    expect(files.filter((file) => file.startsWith('api/') && holdsSql(file))).toEqual([]);
  });

  it('import each other in one direction only', () => {
    const folderOf = (file: string) => (path.dirname(file) === '.' ? '' : path.dirname(file));
    // A folder within another is a part of it.
    const isWithin = (inner: string, outer: string) => outer !== '' && `${inner}/`.startsWith(`${outer}/`);
    const pairs = new Set(imports.map(({ from, to }) => `${folderOf(from)} and ${folderOf(to)}`));
    const twoWay = [...pairs].filter((pair) => {
      const [from = '', to = ''] = pair.split(' and ');
      return from < to && !isWithin(from, to) && !isWithin(to, from) && pairs.has(`${to} and ${from}`);
    });
    expect(twoWay.filter((pair) => !TWO_WAY.includes(pair))).toEqual([]);
  });

  it('have no cycle of files', () => {
    expect(findCycles(imports)).toEqual([]);
  });

  it('have no cycle of sub-folders in the agent room', () => {
    const between = imports
      .filter(({ from, to }) => roomOf(from) === 'agent' && roomOf(to) === 'agent')
      .map(({ from, to }) => ({ from: path.dirname(from), to: path.dirname(to) }))
      .filter(({ from, to }) => from !== to);
    expect(new Set(between.map(({ to }) => to)).size).toBeGreaterThan(4);
    expect(findCycles(between)).toEqual([]);
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
      'queue',
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
      'metrics',
      'tracing',
      'testing',
      'scripted-model',
    ]) {
      expect(readFileSync(path.join(src, room, 'README.md'), 'utf8').length).toBeGreaterThan(500);
    }
  });
});
