import { LonghaulApiError, LonghaulNetworkError } from 'longhaul/client';

/** Converts an error to a message for the user of the page. */
export function messageOf(error: unknown): string {
  if (error instanceof LonghaulNetworkError) return 'No connection to the server.';
  if (error instanceof LonghaulApiError) {
    const fields = error.errors.map(({ path, message }) => `${path} ${message}`);
    return error.problem.detail ?? (fields.length > 0 ? `${fields.join('; ')}.` : error.message);
  }
  return error instanceof Error ? error.message : 'Something went wrong.';
}
