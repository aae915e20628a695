import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { buildDashboard } from '../dashboard/build.ts';

// Builds `dist/`, the content of the package: JavaScript and declarations of `src/`, the migrations, which are data, and
// the files of the dashboard.

const root = path.resolve(import.meta.dirname, '..');
const out = path.join(root, 'dist');
rmSync(out, { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json', '--outDir', out], { cwd: root, stdio: 'inherit' });
cpSync(path.join(root, 'src/db/migrations'), path.join(out, 'db/migrations'), { recursive: true });
await buildDashboard(path.join(out, 'dashboard/files'));
