import path from 'node:path';
import type { GoogleAuth } from 'google-auth-library';
import type { VertexProvider } from '../config/config.ts';

/** Provides the tokens for calls of Vertex AI. */
export interface GoogleTokens {
  /** Returns a valid token. */
  get(): Promise<string>;
  /** Drops rejected credentials: the next call looks them up again. */
  forget(): void;
  /** The secret parts of the credentials that were used last. */
  readonly secrets: readonly string[];
}

/** Creates tokens for the credentials in the provider's file, or else for Google's default credentials. */
export function createGoogleTokens({ keyFile, project }: VertexProvider): GoogleTokens {
  let auth: GoogleAuth | null = null;
  let secrets: readonly string[] = [];
  return {
    async get() {
      // Loaded with the first call, so that workers with other providers do not load it.
      const { GoogleAuth } = await import('google-auth-library');
      auth ??= new GoogleAuth({
        // Otherwise the library looks it up, with calls that may not be allowed.
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

/** Returns whether Google's library finds the file by itself, which it prefers to a file name. */
function isDefault(keyFile: string): boolean {
  const { GOOGLE_APPLICATION_CREDENTIALS: named } = process.env;
  return named !== undefined && path.resolve(named) === keyFile;
}
