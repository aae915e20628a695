import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** The `manifest.json` of the dashboard's build. Names are those of files in `assets/`. */
export interface Manifest {
  /** Script that runs before the first paint and chooses light or dark. */
  readonly boot: string;
  readonly script: string;
  readonly styles: readonly string[];
  /** Chunks that the script imports immediately. */
  readonly chunks: readonly string[];
  readonly fonts: readonly string[];
  readonly icon: string;
}

/** The built files of the dashboard. */
export interface Assets {
  readonly manifest: Manifest;
  /** Reads a file of `assets/` in the best accepted encoding; null when there is no file with this name. */
  read(name: string, acceptEncoding: string): Promise<Asset | null>;
}

export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Null when not compressed. */
  readonly encoding: 'br' | 'gzip' | null;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Finds the files of the dashboard: in the package beside this file; a checkout builds them, once for each change. */
export async function openAssets(): Promise<Assets> {
  const directory = import.meta.url.endsWith('.ts') ? await buildInCheckout() : path.join(import.meta.dirname, 'files');
  const manifest = JSON.parse(await readFile(path.join(directory, 'manifest.json'), 'utf8')) as Manifest;
  const names = new Set(globSync('*', { cwd: path.join(directory, 'assets') }));
  const encoded = new Map<string, Promise<Asset>>();

  async function encode(name: string, encoding: Asset['encoding']): Promise<Asset> {
    const plain = await readFile(path.join(directory, 'assets', name));
    const type = TYPES[path.extname(name)] ?? 'application/octet-stream';
    const body = encoding === null ? plain : await (encoding === 'br' ? toBrotli(plain) : toGzip(plain));
    return { body: new Uint8Array(body), type, encoding };
  }

  return {
    manifest,
    async read(name, acceptEncoding) {
      if (!names.has(name)) return null;
      const encoding = name.endsWith('.woff2') ? null : chooseEncoding(acceptEncoding);
      const key = `${name} ${encoding}`;
      const known = encoded.get(key) ?? encode(name, encoding);
      encoded.set(key, known);
      return known.catch((error: unknown) => {
        encoded.delete(key);
        throw error;
      });
    },
  };
}

const toGzip = promisify(gzip);

function toBrotli(plain: Buffer): Promise<Buffer> {
  // Once for each file and process, in the thread pool. Level 9 takes a tenth of a second for the largest file.
  return promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
}

function chooseEncoding(accepted: string): Asset['encoding'] {
  const takes = (name: string) =>
    new RegExp(String.raw`(^|,)\s*${name}\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)`).test(accepted);
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : null;
}

/** Builds in a separate process, so that this one does not load the bundler, and caches the result. */
async function buildInCheckout(): Promise<string> {
  const root = path.resolve(import.meta.dirname, '../..');
  const directory = path.join(root, 'node_modules/.cache/longhaul-dashboard', await hashSources(root));
  if (existsSync(path.join(directory, 'manifest.json'))) return directory;
  await promisify(execFile)(process.execPath, [path.join(root, 'dashboard/build.ts'), directory], { cwd: root });
  return directory;
}

/** Hashes all sources of the dashboard. */
async function hashSources(root: string): Promise<string> {
  const files = globSync(['dashboard/**/*.{ts,tsx,css,svg,json}', 'src/client/**/*.ts', 'package-lock.json'], {
    cwd: root,
  }).sort();
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(await readFile(path.join(root, file)));
  return hash.digest('hex').slice(0, 16);
}
