import { z } from 'zod';
import { pricesSchema } from './prices-schema.ts';
import { headersSchema } from './provider-headers.ts';
import { secret } from './secret-value.ts';

const text = (what: string) => z.string(`must be ${what}`).min(1, `must be ${what}`).max(500);
const key = () => secret(z.string().min(1), 'must be a text');
const httpUrl = () => z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** The region becomes part of a host name, so it must not contain characters that lead to another host. */
export const region = () =>
  z
    .string('must be the name of a region')
    .regex(/^[a-z][a-z0-9-]{1,40}$/, 'must be the name of a region, such as "us-east-1"');

/** The project becomes part of a path. */
export const project = () =>
  z.string('must be the id of a project').regex(/^[a-z0-9][a-z0-9.:-]{1,80}$/, 'must be the id of a project');

const commonSchema = z.strictObject({
  /**
   * Names of the models at this provider. A key is the name that Claude Code requests by itself, such as
   * `claude-haiku-4-5`, a family (`haiku`, `sonnet`, `opus`), or `default` for agents that name no model. An agent's
   * own `model` is requested unchanged. Defaults to none.
   */
  models: z.record(text('a name'), text('the id of a model'), 'must be an object of model ids by name').optional(),
  /**
   * Headers sent with each request to the provider, for example for an AI gateway. A value may be `{ env: "NAME" }`.
   * Defaults to `ANTHROPIC_CUSTOM_HEADERS` if the variables also choose the address, else to none.
   */
  headers: headersSchema.optional(),
  /**
   * Prices of models at this provider, for example with a region's surcharge. The form is that of the `prices` for all
   * providers, and these take precedence. Defaults to none.
   */
  prices: pricesSchema.optional(),
});

const anthropicSchema = z.strictObject({
  kind: z.literal('anthropic'),
  /** Address before `/v1/messages`. Defaults to Anthropic's own API. */
  baseUrl: httpUrl().optional(),
  /** API key, sent as `x-api-key`. Defaults to `ANTHROPIC_API_KEY` when neither `baseUrl` nor `authToken` is given. */
  apiKey: key().optional(),
  /**
   * Bearer token, sent as `Authorization: Bearer`. Defaults to `ANTHROPIC_AUTH_TOKEN` when neither `baseUrl` nor
   * `apiKey` is given.
   */
  authToken: key().optional(),
  ...commonSchema.shape,
});

const bedrockSchema = z.strictObject({
  kind: z.literal('bedrock'),
  /** The AWS region. Defaults to `AWS_REGION`, then `AWS_DEFAULT_REGION`. */
  region: region().optional(),
  /** Address to use, for example a VPC endpoint. Defaults to the region's `bedrock-runtime`. */
  baseUrl: httpUrl().optional(),
  /**
   * Bedrock API key, used instead of AWS credentials. Defaults to `AWS_BEARER_TOKEN_BEDROCK` when no other credentials
   * are given.
   */
  apiKey: key().optional(),
  /**
   * Access key id, with `secretAccessKey`. Defaults to the AWS credential chain: variables, profile, web identity,
   * container, instance.
   */
  accessKeyId: key().optional(),
  /** Secret access key, with `accessKeyId`. Defaults to the AWS credential chain. */
  secretAccessKey: key().optional(),
  /** Session token of temporary credentials. Defaults to none. */
  sessionToken: key().optional(),
  /** Profile in the AWS configuration files. Defaults to `AWS_PROFILE`. */
  profile: text('the name of a profile').optional(),
  ...commonSchema.shape,
});

const vertexSchema = z.strictObject({
  kind: z.literal('vertex'),
  /** The Google Cloud project that is billed. Defaults to `ANTHROPIC_VERTEX_PROJECT_ID`, then `GOOGLE_CLOUD_PROJECT`. */
  project: project().optional(),
  /** A region, or `global`, `us`, `eu`. Defaults to `CLOUD_ML_REGION`. */
  region: region().optional(),
  /** Address before `/projects/…`. Defaults to the region's own. */
  baseUrl: httpUrl().optional(),
  /**
   * File with Google credentials. Defaults to `GOOGLE_APPLICATION_CREDENTIALS`, then the credentials of the machine.
   */
  keyFile: text('a path').optional(),
  ...commonSchema.shape,
});

const scriptedSchema = z.strictObject({ kind: z.literal('scripted') });

/** Providers of model calls, by name. Agents that name no provider use `default`. */
export const providersSchema = z.record(
  z
    .string('must be the name of a provider')
    .regex(
      /^[A-Za-z][A-Za-z0-9_-]{0,63}$/,
      'must be the name of a provider: a letter, then letters, digits, "_" or "-"',
    ),
  z.discriminatedUnion(
    'kind',
    [anthropicSchema, bedrockSchema, vertexSchema, scriptedSchema],
    'must be { kind: "anthropic" | "bedrock" | "vertex" | "scripted", … }',
  ),
  'must be an object of providers by name',
);
