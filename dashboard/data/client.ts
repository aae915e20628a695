import { createClient, LonghaulUnauthorizedError } from 'longhaul/client';
import { API_PATH } from '../app/environment.ts';

/** Marks a request as the dashboard's. Without it the server rejects changes that use the sign-in cookie. */
const HEADER = 'x-longhaul-dashboard';

/** The client for all requests of the dashboard. The browser adds the sign-in cookie. */
export const client = createClient({
  url: API_PATH,
  fetch: (request) => {
    request.headers.set(HEADER, '1');
    return fetch(request);
  },
});

/** Returns whether an error means that no sign-in is valid. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof LonghaulUnauthorizedError;
}
