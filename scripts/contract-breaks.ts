import { findOperations, resolveRef, type ApiDocument, type Operation } from '../src/api/openapi/document.ts';
import { findSchemaBreaks, type Direction } from './schema-breaks.ts';

interface Body {
  readonly required?: boolean;
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
  readonly headers?: Readonly<Record<string, object>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: object;
}

/**
 * Returns the incompatibilities of `after` for a client that uses the document `before`, one per line: a removed
 * operation, field, value, status or media type, and a new requirement or restriction. Additions break nothing.
 */
export function findBreaks(before: ApiDocument, after: ApiDocument): string[] {
  const compare = createComparison(before, after);
  return [
    ...compare(findOperations(before), findOperations(after)),
    ...compare(findWebhooks(before), findWebhooks(after), { isSent: true }),
  ];
}

const findWebhooks = ({ webhooks = {} }: ApiDocument) => findOperations({ paths: webhooks });

function createComparison(before: ApiDocument, after: ApiDocument) {
  const schemas = (was: object, is: object, options: { direction: Direction; place: string }) =>
    findSchemaBreaks({ document: before, schema: was }, { document: after, schema: is }, options);

  return function compare(
    was: ReturnType<typeof findOperations>,
    are: ReturnType<typeof findOperations>,
    // For a webhook, Longhaul sends the request.
    { isSent = false } = {},
  ): string[] {
    return was.flatMap(({ method, path, operation }) => {
      const place = `${method} ${path}`;
      const now = are.find((other) => other.method === method && other.path === path)?.operation;
      if (now === undefined) return [`${place} is gone`];
      return [
        ...(now.operationId === operation.operationId
          ? []
          : [`${place}: the operationId ${operation.operationId} is gone`]),
        ...compareSecurity(operation, now).map((line) => `${place}: ${line}`),
        ...compareParameters(operation, now, place),
        ...compareBody(operation, now, { place, direction: isSent ? 'answer' : 'request' }),
        ...(isSent ? [] : compareAnswers(operation, now, place)),
      ];
    });
  };

  function compareParameters(was: Operation, now: Operation, place: string): string[] {
    const [old, current] = [was, now].map(({ parameters = [] }) => parameters as readonly Parameter[]);
    const find = (list: readonly Parameter[] | undefined, { name, in: where }: Parameter) =>
      list?.find((other) => other.name === name && other.in === where);
    return [
      ...(old ?? []).flatMap((parameter) => {
        const found = find(current, parameter);
        const at = `${place}: the parameter ${parameter.name}`;
        if (found === undefined) return [`${at} is gone`];
        return schemas(parameter.schema ?? {}, found.schema ?? {}, { direction: 'request', place: at });
      }),
      ...(current ?? []).flatMap((parameter) =>
        parameter.required === true && find(old, parameter)?.required !== true
          ? [`${place}: the parameter ${parameter.name} is required now`]
          : [],
      ),
    ];
  }

  interface BodyOptions {
    readonly place: string;
    readonly direction: Direction;
  }

  function compareBody(was: Operation, now: Operation, { place, direction }: BodyOptions): string[] {
    const [old, current] = [was.requestBody, now.requestBody] as [Body | undefined, Body | undefined];
    if (current === undefined) return old === undefined ? [] : [`${place}: the body is gone`];
    const isNewlyRequired = current.required === true && old?.required !== true;
    return [
      ...(isNewlyRequired ? [`${place}: a body is required now`] : []),
      ...compareContent(old ?? {}, current, { place: `${place}: the body`, direction }),
    ];
  }

  function compareAnswers(was: Operation, now: Operation, place: string): string[] {
    const [old, current] = [was, now].map(({ responses = {} }) => responses as Record<string, object>);
    return Object.entries(old ?? {}).flatMap(([status, answer]) => {
      const found = current?.[status];
      const isProblem = Number(status) >= 400;
      // A removed error answer harms no client.
      if (found === undefined) return isProblem ? [] : [`${place}: the answer ${status} is gone`];
      const [before_, after_] = [resolveRef(before, answer) as Body, resolveRef(after, found) as Body];
      const headers = Object.keys(before_.headers ?? {}).filter((name) => after_.headers?.[name] === undefined);
      return [
        ...headers.map((name) => `${place}: the answer ${status} has no header ${name} any more`),
        ...compareContent(before_, after_, { place: `${place}: the answer ${status}`, direction: 'answer' }),
      ];
    });
  }

  function compareContent(was: Body, now: Body, { place, direction }: BodyOptions): string[] {
    return Object.entries(was.content ?? {}).flatMap(([type, media]) => {
      const found = now.content?.[type];
      if (found === undefined) return [`${place} is no ${type} any more`];
      return schemas(media.schema ?? {}, found.schema ?? {}, { direction, place });
    });
  }
}

/**
 * Returns incompatibilities of the security: every earlier credential must still be accepted, with no further scopes.
 */
function compareSecurity({ security: was = [] }: Operation, { security: now = [] }: Operation): string[] {
  if (was.length === 0) return now.length === 0 ? [] : ['it needs a key now'];
  if (now.length === 0) return [];
  return was.flatMap((way) =>
    Object.entries(way).flatMap(([name, scopes]) => {
      const found = now.find((other) => Object.hasOwn(other, name))?.[name];
      if (found === undefined) return [`${name} is no longer accepted`];
      return found.filter((scope) => !scopes.includes(scope)).map((scope) => `${name} needs the scope ${scope} now`);
    }),
  );
}
