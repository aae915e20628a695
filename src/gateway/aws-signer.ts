import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import type { Agent as HttpsAgent } from 'node:https';
import type { NodeHttpHandler } from '@smithy/node-http-handler';
import type { SignatureV4 } from '@smithy/signature-v4';
import type { BedrockProvider } from '../config/config.ts';
import { createProxyAgent } from './proxy-agent.ts';

/** Signs calls of Amazon Bedrock. */
export interface AwsSigner {
  /** Returns the headers for `request`, including credentials. */
  sign(request: UnsignedRequest): Promise<Record<string, string>>;
  /** Drops rejected credentials: the next call looks them up again. */
  forget(): void;
  /** The secret parts of the credentials that were used last. */
  readonly secrets: readonly string[];
}

interface UnsignedRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Buffer[];
}

type Credentials = { accessKeyId: string; secretAccessKey: string; sessionToken?: string };

/** Creates a signer that uses a Bedrock API key, an access key, or the credentials of AWS's chain. */
export function createAwsSigner(provider: BedrockProvider): AwsSigner {
  const { apiKey, region } = provider;
  let secrets: readonly string[] = apiKey === null ? [] : [apiKey];
  let signer: Promise<SignatureV4> | null = null;

  /** Loaded with the first call, so that workers with other providers do not load it. */
  async function open(): Promise<SignatureV4> {
    const { SignatureV4 } = await import('@smithy/signature-v4');
    const find = await findCredentials(provider);
    const credentials = async (): Promise<Credentials> => {
      const found = await find();
      secrets = [found.secretAccessKey, found.sessionToken ?? ''].filter(Boolean);
      return found;
    };
    return new SignatureV4({ service: 'bedrock', region, credentials, sha256: Sha256 });
  }

  return {
    async sign({ url, headers, body }) {
      if (apiKey !== null) return { ...headers, authorization: `Bearer ${apiKey}` };
      // After a failure the next call opens it again.
      signer ??= open().catch((error: unknown) => {
        signer = null;
        throw error;
      });
      const signed = await (
        await signer
      ).sign({
        method: 'POST',
        protocol: url.protocol,
        hostname: url.hostname,
        path: url.pathname,
        query: {},
        // Passed in, because the signer would need the body in one piece to compute it.
        headers: { ...headers, host: url.host, 'x-amz-content-sha256': hashOf(body) },
      });
      return signed.headers;
    },
    forget() {
      signer = null;
    },
    get secrets() {
      return secrets;
    },
  };
}

async function findCredentials({ accessKey, profile, proxy }: BedrockProvider): Promise<() => Promise<Credentials>> {
  if (accessKey !== null) {
    const { id: accessKeyId, secret: secretAccessKey, sessionToken } = accessKey;
    return () => Promise.resolve({ accessKeyId, secretAccessKey, ...(sessionToken !== null && { sessionToken }) });
  }
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  const clientConfig = proxy === null ? null : { requestHandler: await createProxyHandler(proxy) };
  const find = defaultProvider({
    ...(profile !== null && { profile }),
    ...(clientConfig !== null && { clientConfig }),
    ignoreCache: true,
  });
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await find();
    return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) };
  };
}

/** Creates the handler for calls to AWS's credential services. */
async function createProxyHandler(proxy: string): Promise<NodeHttpHandler> {
  const { NodeHttpHandler } = await import('@smithy/node-http-handler');
  return new NodeHttpHandler({
    httpAgent: createProxyAgent({ protocol: 'http:', proxy }),
    httpsAgent: createProxyAgent({ protocol: 'https:', proxy }) as HttpsAgent,
  });
}

function hashOf(parts: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

/** Node's own SHA-256 with the signer's interface; with a secret, its HMAC. */
export class Sha256 {
  #hash: Hash | Hmac;
  readonly #secret: Secret;

  constructor(secret?: Secret) {
    this.#secret = secret;
    this.#hash = start(secret);
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {
    this.#hash = start(this.#secret);
  }
}

type Secret = string | ArrayBuffer | ArrayBufferView | undefined;

function start(secret: Secret): Hash | Hmac {
  if (secret === undefined) return createHash('sha256');
  return createHmac('sha256', secret instanceof ArrayBuffer ? Buffer.from(secret) : (secret as string | Uint8Array));
}
