import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build, type Metafile } from 'esbuild';
import type { Manifest } from '../src/dashboard/assets.ts';
import { checkFirstLoad } from './build/check-first-load.ts';
import { splitPages } from './build/split-pages.ts';

// Bundles the dashboard into a directory: `assets/`, and `manifest.json` with the files that the page loads.
// As a script: node dashboard/build.ts DIRECTORY

const root = path.resolve(import.meta.dirname, '..');

/**
 * Builds into `directory`, which afterwards is either complete or missing.
 * @throws {Error} when a browser would load too much before it shows the first page.
 */
export async function buildDashboard(directory: string): Promise<void> {
  const made = `${directory}.${process.pid}`;
  const { metafile } = await build({
    entryPoints: ['main.tsx', 'boot.ts', 'icon.svg'].map((file) => path.join(root, 'dashboard', file)),
    outdir: path.join(made, 'assets'),
    absWorkingDir: root,
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['es2022'],
    minify: true,
    metafile: true,
    legalComments: 'none',
    jsx: 'automatic',
    conditions: ['longhaul-source'],
    define: { 'process.env.NODE_ENV': '"production"' },
    loader: { '.woff2': 'file', '.svg': 'copy' },
    entryNames: '[name]-[hash]',
    chunkNames: 'chunk-[hash]',
    assetNames: '[name]-[hash]',
    plugins: [splitPages(root)],
    logLevel: 'error',
  });
  removeUnusedStyles(metafile, path.join(made, 'assets'));
  checkFirstLoad(metafile, path.join(made, 'assets'));
  writeFileSync(path.join(made, 'assets/licenses.txt'), toLicenses(metafile));
  writeFileSync(path.join(made, 'manifest.json'), `${JSON.stringify(toManifest(metafile), null, 2)}\n`);
  mkdirSync(path.dirname(directory), { recursive: true });
  rmSync(directory, { recursive: true, force: true });
  try {
    renameSync(made, directory);
  } catch (error) {
    // Another process finished the same build first.
    rmSync(made, { recursive: true, force: true });
    if (!readdirSync(directory).includes('manifest.json')) throw error;
  }
}

/** Removes the styles of single pages: the page loads all styles in one file, and esbuild writes both. */
function removeUnusedStyles({ outputs }: Metafile, directory: string): void {
  const [used] = toManifest({ inputs: {}, outputs }).styles;
  for (const file of Object.keys(outputs)) {
    const name = path.basename(file);
    if (name.endsWith('.css') && name !== used) rmSync(path.join(directory, name));
  }
}

function toManifest({ outputs }: Metafile): Manifest {
  const built = Object.entries(outputs).map(([file, output]) => ({ ...output, name: path.basename(file) }));
  const entry = (source: string) => {
    const found = built.find(({ entryPoint }) => entryPoint === source);
    if (found === undefined) throw new Error(`esbuild made nothing of ${source}.`);
    return found;
  };
  const find = (pattern: RegExp) => built.map(({ name }) => name).filter((name) => pattern.test(name));
  const main = entry('dashboard/main.tsx');
  return {
    boot: entry('dashboard/boot.ts').name,
    script: main.name,
    styles: main.cssBundle === undefined ? [] : [path.basename(main.cssBundle)],
    chunks: main.imports.filter(({ kind }) => kind === 'import-statement').map(({ path: file }) => path.basename(file)),
    fonts: find(/^inter-latin-wght-normal-.*\.woff2$/),
    icon: find(/^icon-.*\.svg$/)[0]!,
  };
}

/** Collects the licences of all bundled packages, as they require. */
function toLicenses({ inputs }: Metafile): string {
  const names = new Set(
    Object.keys(inputs).flatMap((file) => /(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  );
  const texts = [...names].sort().map((name) => {
    const directory = path.join(root, name);
    const { version, license } = JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as {
      version: string;
      license?: string;
    };
    const file = readdirSync(directory).find((one) => /^licen[cs]e/i.test(one));
    const text = file === undefined ? '' : readFileSync(path.join(directory, file), 'utf8').trim();
    return `${name.replace(/.*node_modules\//, '')} ${version} (${license ?? 'see below'})\n\n${text}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}

if (process.argv[1] === import.meta.filename) {
  const [, , directory] = process.argv;
  if (directory === undefined) throw new Error('Say where to: node dashboard/build.ts DIRECTORY');
  await buildDashboard(path.resolve(directory));
}
