import type { Limits } from '../../config/config.ts';
import { toUserKey } from '../../core/user-key.ts';
import type { Database } from '../../db/database.ts';
import { createRateLimits, toRateLimitError } from './rate-limits.ts';
import { storeFiles, type FileOwners, type NewFile, type StoredFile } from '../attachments/files.ts';

interface UploadOptions {
  readonly file: NewFile;
  readonly owners: FileOwners;
  /** The API key that uploads. */
  readonly keyId: string;
  readonly limits: Pick<Limits, 'perUser' | 'perKey'>;
}

/**
 * Stores a file that runs will name, until it is deleted.
 * @throws {LonghaulError} `rate_limited`: an upload counts as a submission.
 */
export async function uploadFile(
  database: Database,
  { file, owners, keyId, limits }: UploadOptions,
): Promise<StoredFile> {
  const users = [toUserKey(owners)];
  const counted = await createRateLimits({ database, limits }).count({ users, keyId });
  if (counted.isRefused) throw toRateLimitError(counted.states, { submissions: 1 });
  const [stored] = await storeFiles(database, [file], { ...owners, isListed: true });
  return stored!;
}
