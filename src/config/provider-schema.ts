import { z } from 'zod';
import { pricesSchema } from './prices-schema.ts';
import { headersSchema } from './provider-headers.ts';
import { secret } from './secret-value.ts';

const text = (what: string) => z.string(`must be ${what}`).min(1, `must be ${what}`).max(500);
const key = () => secret(z.string().min(1), 'must be a text');
const httpUrl = () => z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** It becomes part of a host's name: nothing may stand in it that leads to another host. */
export const region = () =>
  z
    .string('must be the name of a region')
    .regex(/^[a-z][a-z0-9-]{1,40}$/, 'must be the name of a region, such as "us-east-1"');

/** It becomes part of a path. */
export const project = () =>
  z.string('must be the id of a project').regex(/^[a-z0-9][a-z0-9.:-]{1,80}$/, 'must be the id of a project');

const commonSchema = z.strictObject({
  /**
   * What models are called here: by what Claude Code asks for of itself, such as `claude-haiku-4-5`, by a family
   * (`haiku`, `sonnet`, `opus`), or `default` for agents that name no model. An agent's own `model` is asked for as it
   * is written. Defaults to none.
   */
  models: z.record(text('a name'), text('the id of a model'), 'must be an object of model ids by name').optional(),
  /**
   * Headers that go with each request to it, as an AI gateway wants them. A value may be `{ env: "NAME" }`. Defaults to
   * `ANTHROPIC_CUSTOM_HEADERS` where the variables choose the address too, else to none.
   */
  headers: headersSchema.optional(),
  /**
   * What models cost here, where that differs from other providers, such as by a region's surcharge: as `prices` for all
   * providers, before which these go. Defaults to none.
   */
  prices: pricesSchema.optional(),
});

const anthropicSchema = z.strictObject({
  kind: z.literal('anthropic'),
  /** The address before `/v1/messages`. Defaults to Anthropic's own API. */
  baseUrl: httpUrl().optional(),
  /** Goes as `x-api-key`. Defaults to `ANTHROPIC_API_KEY` when neither `baseUrl` nor `authToken` is given. */
  apiKey: key().optional(),
  /** Goes as `Authorization: Bearer`. Defaults to `ANTHROPIC_AUTH_TOKEN` when neither `baseUrl` nor `apiKey` is given. */
  authToken: key().optional(),
  ...commonSchema.shape,
});

const bedrockSchema = z.strictObject({
  kind: z.literal('bedrock'),
  /** The AWS region. Defaults to `AWS_REGION`, then `AWS_DEFAULT_REGION`. */
  region: region().optional(),
  /** A VPC endpoint, say. Defaults to the region's `bedrock-runtime`. */
  baseUrl: httpUrl().optional(),
  /** An API key of Bedrock's, in place of AWS credentials. Defaults to `AWS_BEARER_TOKEN_BEDROCK` when no other credentials are given. */
  apiKey: key().optional(),
  /** With `secretAccessKey`. Defaults to the chain of AWS: variables, profile, web identity, container, instance. */
  accessKeyId: key().optional(),
  /** With `accessKeyId`. Defaults to the chain of AWS. */
  secretAccessKey: key().optional(),
  /** With temporary credentials. Defaults to none. */
  sessionToken: key().optional(),
  /** A profile of the AWS configuration files. Defaults to `AWS_PROFILE`. */
  profile: text('the name of a profile').optional(),
  ...commonSchema.shape,
});

const vertexSchema = z.strictObject({
  kind: z.literal('vertex'),
  /** The Google Cloud project that is billed. Defaults to `ANTHROPIC_VERTEX_PROJECT_ID`, then `GOOGLE_CLOUD_PROJECT`. */
  project: project().optional(),
  /** A region, or `global`, `us`, `eu`. Defaults to `CLOUD_ML_REGION`. */
  region: region().optional(),
  /** The address before `/projects/…`. Defaults to the region's own. */
  baseUrl: httpUrl().optional(),
  /** A file with Google credentials. Defaults to `GOOGLE_APPLICATION_CREDENTIALS`, then those of the machine. */
  keyFile: text('a path').optional(),
  ...commonSchema.shape,
});

const scriptedSchema = z.strictObject({ kind: z.literal('scripted') });

/** Where model calls go, by name. `default` is for agents that name none. */
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
