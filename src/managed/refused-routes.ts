import type { ManagedApi } from './deps.ts';
import { ManagedError } from './error.ts';

/** Parts of the original that Longhaul does not have, by the beginning of their path below `/v1/`. */
const REFUSED: Readonly<Record<string, string>> = {
  vaults: 'Vaults are',
  memory_stores: 'Memory stores are',
  skills: 'Skills are',
  dreams: 'Dreams are',
  tunnels: 'Tunnels are',
  user_profiles: 'User profiles are',
};

/** Answers everything else: with words, for what the original has and for what nobody has. */
export function addRefusedRoutes(api: ManagedApi): void {
  for (const [name, what] of Object.entries(REFUSED)) {
    for (const path of [`/v1/${name}`, `/v1/${name}/*`]) api.all(path, () => refuse(what));
  }
  api.all('/v1/environments/:id/work/*', () =>
    refuse("Self-hosted environments, whose tools run in the client's worker, are"),
  );
  api.all('/v1/environments/:id/work', () =>
    refuse("Self-hosted environments, whose tools run in the client's worker, are"),
  );
  for (const path of ['/v1/messages', '/v1/messages/*', '/v1/complete']) {
    api.all(path, () => {
      throw new ManagedError('not_found_error', 'Longhaul runs agents; it is not a Messages API.');
    });
  }
  api.notFound((context) => {
    throw new ManagedError('not_found_error', `There is nothing at ${context.req.method} ${context.req.path}.`);
  });
}

function refuse(what: string): never {
  throw new ManagedError('invalid_request_error', `${what} not supported by Longhaul.`, {
    status: 501,
    details: { error_code: 'not_supported' },
  });
}
