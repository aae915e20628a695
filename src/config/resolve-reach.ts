import type { FieldError } from '../core/errors.ts';
import type { Reached } from './config.ts';
import { findProxy } from './find-proxy.ts';
import { checkHeaders, parseHeaderLines } from './provider-headers.ts';
import { readSecret, type ProviderInput, type Resolving, type Variables } from './resolving-provider.ts';

interface Reach {
  readonly baseUrl: string;
  /** Whether the address is the one that the variables of Anthropic name: what they say of headers is for that alone. */
  readonly isOfVariables: boolean;
}

/** How a provider is reached: through which proxy, and with which headers beside the credentials. */
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

/** What `ANTHROPIC_CUSTOM_HEADERS` says. */
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
  errors.push(...checked.errors.map((error) => ({ path, message: `holds ${error.path}, which ${error.message}` })));
  return checked.value;
}
