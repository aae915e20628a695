import type { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import type { providersSchema, region } from './provider-schema.ts';

// Types and helpers that the resolvers of all providers share.

export type ProvidersInput = z.input<typeof providersSchema>;
export type ProviderInput = ProvidersInput[string];
export type Input<K extends ProviderInput['kind']> = Extract<ProviderInput, { kind: K }>;
type Secret = string | { readonly env: string } | undefined;
/** A variable with an empty value is left out. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** A provider from the file or the variables, while it is being resolved. */
export interface Resolving<I extends ProviderInput = ProviderInput> {
  readonly name: string;
  readonly input: I;
  readonly env: Variables;
  readonly errors: FieldError[];
  readonly baseDir: string;
  /** True when the variables chose the provider: then its headers also come from the variables. */
  readonly isOfVariables: boolean;
}

/** Returns the address of a cloud, without a slash at its end. */
export function toBaseUrl(
  { input, errors }: Resolving<Input<'bedrock' | 'vertex'>>,
  variable: string,
  fallback: string,
): string {
  const url = input.baseUrl ?? fallback;
  // An address in the file is already checked; an address in a variable is not.
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    errors.push({ path: variable, message: 'must be an http or https URL' });
  }
  return url.replace(/\/+$/, '');
}

interface Required {
  readonly value: string | undefined;
  readonly schema: ReturnType<typeof region>;
  readonly variable: string;
}

/** Reads a required field from the file or a variable. Adds faults to `errors`. */
export function readRequired(
  { name, errors }: Resolving,
  field: string,
  { value, schema, variable }: Required,
): string {
  const at = `providers.${name}.${field}`;
  if (value === undefined) errors.push({ path: at, message: `is missing; set it, or the variable ${variable}` });
  else {
    const message = schema.safeParse(value).error?.issues[0]?.message;
    if (message !== undefined) errors.push({ path: at, message: `${message}; the value comes from ${variable}` });
  }
  return value ?? '';
}

/** Returns a field of the file, or the value of the variable it names; null for none. */
export function read<I extends ProviderInput>(
  { name, input, env, errors }: Resolving<I>,
  field: keyof I & string,
): string | null {
  return readSecret(input[field] as Secret, { env, errors, path: `providers.${name}.${field}` });
}

/** Returns a text, or the value of the variable that is named; null for none. Adds a missing variable to `errors`. */
export function readSecret(
  given: Secret,
  { env, errors, path }: { env: Variables; errors: FieldError[]; path: string },
): string | null {
  if (given === undefined || typeof given === 'string') return given ?? null;
  const found = env[given.env];
  if (found === undefined) errors.push({ path, message: `names the variable ${given.env}, which is not set` });
  return found ?? null;
}
