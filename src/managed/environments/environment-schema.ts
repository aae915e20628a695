import { z } from 'zod';
import { limitedText } from '../agents/limited-text.ts';
import { metadataChangeSchema, metadataSchema } from '../agents/metadata.ts';

const flag = z.boolean('must be true or false').nullish();
const texts = z.array(z.string('must be a text'), 'must be a list of texts').nullish();

const networking = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('unrestricted') }),
      z.strictObject({
        type: z.literal('limited'),
        allowed_hosts: texts,
        allow_mcp_servers: flag,
        allow_package_managers: flag,
      }),
    ],
    'must have the type "unrestricted"',
  )
  .nullish();

const packages = z
  .strictObject(
    {
      type: z.literal('packages', 'must be "packages"').optional(),
      apt: texts,
      cargo: texts,
      gem: texts,
      go: texts,
      npm: texts,
      pip: texts,
    },
    'must be an object',
  )
  .nullish();

const config = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('cloud'), networking, packages }),
      z.strictObject({ type: z.literal('self_hosted') }),
    ],
    'must have the type "cloud"',
  )
  .nullish();

const fields = {
  config,
  description: limitedText({ max: 2_048 }).nullish(),
  scope: z.enum(['organization', 'account'], 'must be "organization"').nullish(),
};

const name = limitedText({ min: 1, max: 256 });

/** A new environment as a client sends it. */
export const newEnvironmentSchema = z.strictObject({ name, ...fields, metadata: metadataSchema.nullish() });

/** A change of an environment: a field that is left out stays, and so does a name or a config that is null. */
export const environmentChangeSchema = z.strictObject({
  name: name.nullish(),
  ...fields,
  metadata: metadataChangeSchema.nullish(),
});

export type NewEnvironment = z.output<typeof newEnvironmentSchema>;
export type EnvironmentChange = z.output<typeof environmentChangeSchema>;
