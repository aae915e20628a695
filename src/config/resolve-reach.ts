import type { FieldError } from '../core/errors.ts';
import type { Reached } from './config.ts';
import { findProxy } from './find-proxy.ts';
import { checkHeaders, parseHeaderLines } from './provider-headers.ts';
import { readSecret, type ProviderInput, type Resolving, type Variables } from './resolving-provider.ts';

interface Reach {
  readonly baseUrl: string;
  /** True when Anthropic's variables name the address: the headers in the variables are for that address alone. */
  readonly isOfVariables: boolean;
}

/** Resolves the proxy and the headers of a provider. */
export function resolveReach(
  resolving: Resolving<Exclude<ProviderInput, { kind: 'scripted' }>>,
  { baseUrl, isOfVariables }: Reach,
): Pick<Reached, 'baseUrl' | 'proxy' | 'headers'> {
  const { name, input, env, errors } = resolving;
  const isSigned = input.kind !== 'anthropic';
  const own = Object.entries(input.headers ?? {}).map(([header, given]): [string, string] => {
    const value = readSecret(given, { env, errors, path: `providers.${name}.headers.${header}` });
    return [header, value ?? ''];
  });
  const checked = checkHeaders(own, { isSigned });
  const atHeader = ({ path, message }: FieldError) => ({ path: `providers.${name}.headers.${path}`, message });
  errors.push(...checked.errors.map(atHeader));
  const ofVariables = isOfVariables ? readVariable(env, { isSigned, errors }) : {};
  return { baseUrl, proxy: findProxy({ url: baseUrl, env, errors }), headers: { ...ofVariables, ...checked.value } };
}

/** Reads the headers in `ANTHROPIC_CUSTOM_HEADERS`. */
function readVariable(
  env: Variables,
  { isSigned, errors }: { isSigned: boolean; errors: FieldError[] },
): Readonly<Record<string, string>> {
  const path = 'ANTHROPIC_CUSTOM_HEADERS';
  const text = env[path];
  if (text === undefined) return {};
  const headers = parseHeaderLines(text);
  if (headers === null) {
    errors.push({ path, message: 'must be lines of the form "Name: value"' });
    return {};
  }
  const checked = checkHeaders(headers, { isSigned });
  errors.push(...checked.errors.map((error) => ({ path, message: `contains ${error.path}, which ${error.message}` })));
  return checked.value;
}
