import path from 'node:path';
import type { GoogleAuth } from 'google-auth-library';
import type { VertexProvider } from '../config/config.ts';

/** What signs calls of Vertex AI in. */
export interface GoogleTokens {
  /** A token that is good now. */
  get(): Promise<string>;
  /** Drops what was refused: credentials are looked up anew for the next call. */
  forget(): void;
  /** What must not be shown of the credentials last used. */
  readonly secrets: readonly string[];
}

/** Tokens for the credentials in the provider's file, or else for Google's default ones. */
export function createGoogleTokens({ keyFile, project }: VertexProvider): GoogleTokens {
  let auth: GoogleAuth | null = null;
  let secrets: readonly string[] = [];
  return {
    async get() {
      // Loaded with the first call: whoever has another provider pays nothing for it.
      const { GoogleAuth } = await import('google-auth-library');
      auth ??= new GoogleAuth({
        // It would be looked up otherwise, with calls that may not be allowed.
        projectId: project,
        scopes: 'https://www.googleapis.com/auth/cloud-platform',
        ...(keyFile !== null && !isDefault(keyFile) && { keyFilename: keyFile }),
      });
      const token = await auth.getAccessToken();
      if (!token) throw new Error('Google gave no access token.');
      secrets = [token];
      return token;
    },
    forget() {
      auth = null;
    },
    get secrets() {
      return secrets;
    },
  };
}

/** Whether Google's library finds the file of itself, which it likes better than to be told of it. */
function isDefault(keyFile: string): boolean {
  const { GOOGLE_APPLICATION_CREDENTIALS: named } = process.env;
  return named !== undefined && path.resolve(named) === keyFile;
}
