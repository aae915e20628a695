import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Metafile } from 'esbuild';

/** Most bytes of compressed JavaScript that a browser loads before it shows the first page. */
const MAX_BYTES = 260_000;

const FIRST_PAGE = 'dashboard/pages/overview/overview-page.tsx';

interface FirstLoad {
  /** Of the frame that every page has. */
  readonly frameBytes: number;
  /** Of the frame and the first page. */
  readonly pageBytes: number;
}

/** Measures the first load of a build in `directory`, compressed with gzip. */
export function measureFirstLoad({ outputs }: Metafile, directory: string): FirstLoad {
  const find = (source: string) => Object.keys(outputs).find((file) => outputs[file]!.entryPoint === source)!;
  const frame = follow(outputs, [find('dashboard/main.tsx')]);
  const page = follow(outputs, [find('dashboard/main.tsx'), find(FIRST_PAGE)]);
  const sum = (files: ReadonlySet<string>) =>
    [...files]
      .filter((file) => file.endsWith('.js'))
      .reduce((bytes, file) => bytes + gzipSync(readFileSync(path.join(directory, path.basename(file)))).length, 0);
  return { frameBytes: sum(frame), pageBytes: sum(page) };
}

/** @throws {Error} when the first load is too large. */
export function checkFirstLoad(metafile: Metafile, directory: string): void {
  const { frameBytes, pageBytes } = measureFirstLoad(metafile, directory);
  if (pageBytes <= MAX_BYTES) return;
  throw new Error(
    `The dashboard's first page loads ${pageBytes} bytes of compressed JavaScript (${frameBytes} of them for every page), and the limit is ${MAX_BYTES}. Load what the first page does not show when it is needed: lazy() and import().`,
  );
}

/** Returns files with everything that they import immediately. */
function follow(outputs: Metafile['outputs'], files: readonly string[]): ReadonlySet<string> {
  const seen = new Set(files);
  // The set grows while it is iterated.
  for (const file of seen) {
    for (const { kind, path: imported } of outputs[file]!.imports) if (kind === 'import-statement') seen.add(imported);
  }
  return seen;
}
