import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buildDashboard } from '../dashboard/build.ts';
import { seedDatabase } from '../src/testing/seed-database.ts';
import { packDatabase } from './pack-database.ts';

// Builds `dist/`, the content of the package: JavaScript and declarations of `src/`, the migrations, which are data, the
// files of the dashboard, and the database with which a data directory begins.

const root = path.resolve(import.meta.dirname, '..');
const out = path.join(root, 'dist');
rmSync(out, { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', out], { cwd: root, stdio: 'inherit' });
cpSync(path.join(root, 'src/db/migrations'), path.join(out, 'db/migrations'), { recursive: true });
await buildDashboard(path.join(out, 'dashboard/files'));

const seed = await mkdtemp(path.join(tmpdir(), 'longhaul-first-'));
await seedDatabase(seed);
await packDatabase(path.join(seed, 'db'), path.join(out, 'db/first-database.tar.gz'));
await rm(seed, { recursive: true });
