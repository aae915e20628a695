import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** What the build of the dashboard says of itself, in `manifest.json`. Names are those of files in `assets/`. */
export interface Manifest {
  /** Runs before anything is drawn: chooses between light and dark. */
  readonly boot: string;
  readonly script: string;
  readonly styles: readonly string[];
  /** What the script imports at once. */
  readonly chunks: readonly string[];
  readonly fonts: readonly string[];
  readonly icon: string;
}

/** The files of the dashboard, as they were built. */
export interface Assets {
  readonly manifest: Manifest;
  /** A file of `assets/`, in the best of the encodings that are taken; null: there is none of this name. */
  read(name: string, acceptEncoding: string): Promise<Asset | null>;
}

export interface Asset {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Null: as it is. */
  readonly encoding: 'br' | 'gzip' | null;
}

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Finds the files of the dashboard: in the package beside this one; in a checkout they are built, once for each change. */
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
  // Once for each file and process, on a thread of its own: 9 takes a tenth of a second for the largest.
  return promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
}

function chooseEncoding(accepted: string): Asset['encoding'] {
  const takes = (name: string) =>
    new RegExp(String.raw`(^|,)\s*${name}\s*(;\s*q=(?!0(\.0*)?\s*(,|$))|,|$)`).test(accepted);
  return takes('br') ? 'br' : takes('gzip') ? 'gzip' : null;
}

/** Built by a process of its own, so that nothing of the bundler stays in this one, and kept for the next. */
async function buildInCheckout(): Promise<string> {
  const root = path.resolve(import.meta.dirname, '../..');
  const directory = path.join(root, 'node_modules/.cache/longhaul-dashboard', await hashSources(root));
  if (existsSync(path.join(directory, 'manifest.json'))) return directory;
  await promisify(execFile)(process.execPath, [path.join(root, 'dashboard/build.ts'), directory], { cwd: root });
  return directory;
}

/** A text that changes with anything that the dashboard is built from. */
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
