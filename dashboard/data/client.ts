import { createClient, LonghaulUnauthorizedError } from 'longhaul/client';
import { API_PATH } from '../app/environment.ts';

/** Marks a request as the dashboard's own: without it a sign-in may change nothing. */
const HEADER = 'x-longhaul-dashboard';

/** Everything that the dashboard knows and does goes through this. The browser adds the cookie that says who asks. */
export const client = createClient({
  url: API_PATH,
  fetch: (request) => {
    request.headers.set(HEADER, '1');
    return fetch(request);
  },
});

/** Whether a failure means that nobody is signed in, or no longer. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof LonghaulUnauthorizedError;
}
