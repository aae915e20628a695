import type { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import type { providersSchema, region } from './provider-schema.ts';

// What all kinds of providers are resolved with.

export type ProvidersInput = z.input<typeof providersSchema>;
export type ProviderInput = ProvidersInput[string];
export type Input<K extends ProviderInput['kind']> = Extract<ProviderInput, { kind: K }>;
type Secret = string | { readonly env: string } | undefined;
/** What is set to nothing is not there. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** One provider of the file, or of the variables, on its way to be resolved. */
export interface Resolving<I extends ProviderInput = ProviderInput> {
  readonly name: string;
  readonly input: I;
  readonly env: Variables;
  readonly errors: FieldError[];
  readonly baseDir: string;
  /** Whether the variables have chosen it: they say what its headers are. */
  readonly isOfVariables: boolean;
}

/** Where a cloud is reached, without a slash at its end. */
export function toBaseUrl(
  { input, errors }: Resolving<Input<'bedrock' | 'vertex'>>,
  variable: string,
  fallback: string,
): string {
  const url = input.baseUrl ?? fallback;
  // What the file says is checked already; what a variable says is not.
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

/** A field that must be there, from the file or a variable. What is wrong with it goes to the errors. */
export function readRequired(
  { name, errors }: Resolving,
  field: string,
  { value, schema, variable }: Required,
): string {
  const at = `providers.${name}.${field}`;
  if (value === undefined) errors.push({ path: at, message: `is missing; set it, or the variable ${variable}` });
  else {
    const message = schema.safeParse(value).error?.issues[0]?.message;
    if (message !== undefined) errors.push({ path: at, message: `${message}; it is what ${variable} says` });
  }
  return value ?? '';
}

/** What a field of the file says, or the variable it names; null for nothing. */
export function read<I extends ProviderInput>(
  { name, input, env, errors }: Resolving<I>,
  field: keyof I & string,
): string | null {
  return readSecret(input[field] as Secret, { env, errors, path: `providers.${name}.${field}` });
}

/** A text, or what the variable holds that it names; null for nothing. A variable that is missing goes to `errors`. */
export function readSecret(
  given: Secret,
  { env, errors, path }: { env: Variables; errors: FieldError[]; path: string },
): string | null {
  if (given === undefined || typeof given === 'string') return given ?? null;
  const found = env[given.env];
  if (found === undefined) errors.push({ path, message: `names the variable ${given.env}, which is not set` });
  return found ?? null;
}
