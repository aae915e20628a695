import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

// Bundles the `longhaul` command, and the programs that it starts, into a directory with the layout of `dist/`.
// As a script: node test/support/build-command.ts DIRECTORY

const source = path.resolve(import.meta.dirname, '../../src');

/** Packages that find files beside themselves, load others by name, or are loaded only when they are configured. */
const OUTSIDE = [
  '@anthropic-ai/*',
  '@aws-sdk/*',
  '@electric-sql/*',
  '@opentelemetry/*',
  '@redis/*',
  '@smithy/*',
  'esbuild',
  'google-auth-library',
  'pg',
  'pino',
];

/** Modules that start a program which is built here too: they find it beside themselves. */
const STARTERS = new Set(['drill/drill-process.ts', 'agent/process-tree/reaper.ts']);

/** Builds into `directory`, which afterwards is complete. */
async function buildCommand(directory: string): Promise<void> {
  const made = `${directory}.${process.pid}`;
  await build({
    entryPoints: ['cli/main.ts', 'cli/drill-process.ts', 'agent/process-tree/reap.ts'].map((file) =>
      path.join(source, file),
    ),
    outdir: made,
    outbase: source,
    absWorkingDir: source,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node22',
    conditions: ['longhaul-source'],
    external: OUTSIDE,
    banner: {
      js: "import { createRequire as toRequire } from 'node:module'; const require = toRequire(import.meta.url);",
    },
    plugins: [keepPlaces(directory)],
    logLevel: 'error',
  });
  writeFileSync(path.join(made, 'package.json'), '{ "type": "module" }\n');
  mkdirSync(path.dirname(directory), { recursive: true });
  try {
    renameSync(made, directory);
  } catch (error) {
    // Another process finished the same build first.
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(directory)) throw error;
  }
}

/** Makes each module find the files beside it where its source is. */
function keepPlaces(directory: string): Plugin {
  return {
    name: 'keep-places',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path: file }) => {
        const name = path.relative(source, file);
        if (name.startsWith('..')) return undefined;
        const text = readFileSync(file, 'utf8');
        const place = STARTERS.has(name) ? path.join(directory, name.replace(/\.ts$/, '.js')) : file;
        const contents = text
          .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(place).href))
          .replaceAll('import.meta.dirname', JSON.stringify(path.dirname(place)))
          .replaceAll('import.meta.filename', JSON.stringify(place));
        return { contents, loader: 'ts' };
      });
    },
  };
}

await buildCommand(process.argv[2] ?? '');
