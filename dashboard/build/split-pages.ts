import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Loader, Plugin } from 'esbuild';
import { findDirectImports, ICON_PREFIX } from './direct-imports.ts';

const LOADERS: Readonly<Record<string, Loader>> = { '.tsx': 'tsx', '.ts': 'ts', '.mjs': 'js' };

/**
 * Makes a page load what it uses, in few files. esbuild puts files into one chunk if the same set of pages needs them: a
 * package's index would put all of the package into the chunk of every page, and files that some pages share would
 * become dozens of chunks. Imports therefore lead past the index, and each page gets the same `app/basics.ts`.
 */
export function splitPages(root: string): Plugin {
  const imports = findDirectImports(path.join(root, 'node_modules'));
  const basics = `\nimport ${JSON.stringify(path.join(root, 'dashboard/app/basics.ts'))};`;
  /** Files that are loaded when they are needed. */
  const lazy = new Set<string>();

  return {
    name: 'split-pages',
    setup(build) {
      build.onResolve({ filter: /\.tsx$/ }, ({ kind, path: file, resolveDir }) => {
        if (kind === 'dynamic-import') lazy.add(path.resolve(resolveDir, file));
        return null;
      });
      build.onLoad({ filter: /\/dashboard\/.*\.tsx?$|@mantine\/[^/]+\/esm\/.*\.mjs$/ }, ({ path: file }) => {
        if (file.endsWith('/esm/index.mjs')) return null;
        const contents = imports.rewrite(readFileSync(file, 'utf8'));
        return { contents: lazy.has(file) ? contents + basics : contents, loader: LOADERS[path.extname(file)] ?? 'js' };
      });
      build.onResolve({ filter: new RegExp(`^${ICON_PREFIX}`) }, ({ path: name }) => ({
        // The path names the package, whose licence the build collects.
        path: `node_modules/@radix-ui/react-icons/${name.slice(ICON_PREFIX.length)}`,
        namespace: 'icon',
        sideEffects: false,
      }));
      build.onLoad({ filter: /.*/, namespace: 'icon' }, ({ path: name }) => ({
        contents: imports.readIcon(path.basename(name)),
        resolveDir: root,
      }));
    },
  };
}
