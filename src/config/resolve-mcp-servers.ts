import type { z } from 'zod';
import type { FieldError } from '../core/errors.ts';
import type { McpServer, mcpServerSchema } from './mcp-server.ts';

type McpServerInput = z.input<typeof mcpServerSchema>;
type Variables = Readonly<Record<string, string | undefined>>;

interface ResolveMcpServersOptions {
  readonly servers: Readonly<Record<string, McpServerInput>>;
  /** The path of the servers in the configuration. */
  readonly at: string;
  readonly env: Variables;
}

/** Returns the MCP servers of an agent with every variable read. Do not use the value if there are `errors`. */
export function resolveMcpServers({ servers, at, env }: ResolveMcpServersOptions): {
  value: readonly McpServer[];
  errors: readonly FieldError[];
} {
  const errors: FieldError[] = [];
  const value = Object.entries(servers).flatMap(([name, given]) => {
    const path = `${at}.${name}`;
    const misplaced = findMisplaced(given);
    if (misplaced !== null) {
      errors.push({ path, message: misplaced });
      return [];
    }
    const filled = fillVariables(given, { path, env });
    errors.push(...filled.errors);
    return [toServer(name, filled.value)];
  });
  return { value, errors };
}

/** Returns an error for options of a server that exclude each other, or null. */
function findMisplaced({ type, command, args, env, url, headers, create }: McpServerInput): string | null {
  const ways = [command, url, create].filter((way) => way !== undefined).length;
  if (ways !== 1) return 'must have one of "command", "url" and "create"';
  if (create !== undefined) {
    return (type ?? args ?? env ?? headers) ? 'has "create", which can be combined only with "required"' : null;
  }
  if (command !== undefined) {
    if (type !== undefined && type !== 'stdio') return `has a "command" and the type "${type}"; leave one of them out`;
    return headers === undefined ? null : 'has a "command", which does not use "headers"; leave them out';
  }
  if (type === 'stdio') return 'has the type "stdio" and a "url"; leave one of them out';
  return (args ?? env) ? 'has a "url", which does not use "args" or "env"; leave them out' : null;
}

/** A variable within a text of an MCP server. */
export const VARIABLE = /\$\{([A-Za-z_]\w*)\}/g;

function fillVariables(
  server: McpServerInput,
  { path, env }: { path: string; env: Variables },
): { value: McpServerInput; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const fill = (text: string, at: string): string =>
    text.replace(VARIABLE, (whole, variable: string) => {
      const found = env[variable];
      if (found !== undefined && found !== '') return found;
      errors.push({ path: `${path}.${at}`, message: `names the variable ${variable}, which is not set` });
      return whole;
    });
  const fillEach = (texts: Readonly<Record<string, string>>, at: string) =>
    Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, fill(text, `${at}.${key}`)]));
  if ((server.args ?? []).some((arg) => arg.search(VARIABLE) !== -1)) {
    errors.push({
      path: `${path}.args`,
      message: 'names a variable, but every user of the machine can read arguments; pass it in "env"',
    });
  }
  const url = server.url === undefined ? undefined : fill(server.url, 'url');
  if (url !== undefined && errors.length === 0 && !isHttpUrl(url)) {
    errors.push({ path: `${path}.url`, message: 'must be an http or https URL' });
  }
  return {
    value: {
      ...server,
      ...(url !== undefined && { url }),
      ...(server.env && { env: fillEach(server.env, 'env') }),
      ...(server.headers && { headers: fillEach(server.headers, 'headers') }),
    },
    errors,
  };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

function toServer(name: string, server: McpServerInput): McpServer {
  const { type, command, args = [], env = {}, url = '', headers = {}, create, required = true } = server;
  const common = { name, isRequired: required };
  if (create !== undefined) return { ...common, type: 'inProcess', create };
  if (command !== undefined) return { ...common, type: 'stdio', command, args, env };
  return { ...common, type: type === 'sse' ? 'sse' : 'http', url, headers };
}
