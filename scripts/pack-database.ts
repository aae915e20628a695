import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { packTar } from 'modern-tar/fs';

/** Packs a closed embedded database as the first one of new data directories: see `src/db/first-database.ts`. */
export async function packDatabase(directory: string, archive: URL | string): Promise<void> {
  await pipeline(packTar(directory), createGzip({ level: 9 }), createWriteStream(archive));
}
