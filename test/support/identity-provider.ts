import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';

interface Options {
  readonly clientId: string;
  readonly clientSecret: string;
}

/** An OpenID Connect provider on another site than Longhaul: `localhost`; Longhaul is at `127.0.0.1`. */
export interface IdentityProvider {
  readonly issuer: string;
  /** The groups of each person, by login. A person without an entry has none. */
  readonly groups: Map<string, readonly string[]>;
  /** Registers Longhaul, and begins to answer. */
  serve(redirectUri: string): void;
  /** Refuses connections until `reopen`. */
  shut(): Promise<void>;
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a provider whose pages take any login and password. */
export async function startIdentityProvider({ clientId, clientSecret }: Options): Promise<IdentityProvider> {
  const groups = new Map<string, readonly string[]>();
  let handle: ReturnType<Provider['callback']> | null = null;
  let server = await listen(0);
  const { port } = server.address() as AddressInfo;
  const issuer = `http://localhost:${port}`;

  async function listen(wanted: number): Promise<Server> {
    const created = createServer((request, response) => void handle?.(request, response));
    created.listen(wanted, 'localhost');
    await once(created, 'listening');
    return created;
  }

  async function shut(): Promise<void> {
    if (!server.listening) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  function serve(redirectUri: string): void {
    const provider = new Provider(issuer, {
      clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
      claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
      pkce: { required: () => true },
      findAccount: (_context, login) => ({
        accountId: login,
        claims: () => ({
          sub: login,
          name: `${login} of the test`,
          email: `${login}@example.com`,
          email_verified: !login.startsWith('new-'),
          groups: [...(groups.get(login) ?? [])],
        }),
      }),
    });
    handle = provider.callback();
  }

  return {
    issuer,
    groups,
    serve,
    shut,
    async reopen() {
      server = await listen(port);
    },
    close: shut,
  };
}
