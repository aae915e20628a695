import { LonghaulApiError, LonghaulNetworkError } from 'longhaul/client';

/** What went wrong, in words for whoever looks at the page. */
export function messageOf(error: unknown): string {
  if (error instanceof LonghaulNetworkError) return 'No connection to the server.';
  if (error instanceof LonghaulApiError) {
    const fields = error.errors.map(({ path, message }) => `${path} ${message}`);
    return error.problem.detail ?? (fields.length > 0 ? `${fields.join('; ')}.` : error.message);
  }
  return error instanceof Error ? error.message : 'Something went wrong.';
}
