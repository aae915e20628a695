import { parseSync } from 'oxc-parser';

/** The declarations of a package, one line each, which can be compared with those of another version. */
export interface Declarations {
  /** The options of `query()`. */
  readonly options: readonly string[];
  /** The messages of Claude Code, with their fields. */
  readonly messages: readonly string[];
  /** Everything else that is exported, with fields and values. */
  readonly others: readonly string[];
  /** The names of the messages that Claude Code may send: `type`, or `type/subtype`. */
  readonly messageNames: readonly string[];
}

/** A node of the syntax tree, read as plain data: the tree has 200 kinds, of which a few matter here. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

const MESSAGE = 'SDKMessage';

/** Reads a file of type declarations. The comments do not count. Throws when the file is no TypeScript. */
export function readDeclarations(source: string): Declarations {
  const { program, comments, errors } = parseSync('sdk.d.ts', source);
  if (errors.length > 0) throw new Error(`The declarations cannot be read: ${errors[0]?.message}`);
  const code = withoutComments(source, comments);
  const textOf = ({ start, end }: Node) => code.slice(start, end).replace(/\s+/g, ' ').trim();
  const named = findNamed(program.body as unknown as Node[]);
  const messages = listMembers(named, MESSAGE);
  const linesOf = (names: Iterable<string>) =>
    [...names].flatMap((name) => named.get(name)?.flatMap((node) => toLines(name, node, textOf)) ?? []).sort();
  const isOther = (name: string) => name !== 'Options' && !messages.includes(name);
  return {
    options: linesOf(['Options']),
    messages: linesOf(messages),
    others: linesOf([...named.keys()].filter(isOther)),
    messageNames: [...new Set(messages.flatMap((name) => toMessageNames(named.get(name) ?? [], textOf)))].sort(),
  };
}

/** Puts blanks in place of the comments, so that every position stays. */
function withoutComments(
  source: string,
  comments: readonly { readonly start: number; readonly end: number }[],
): string {
  let end = 0;
  const pieces = comments.map((comment) => {
    const piece = source.slice(end, comment.start) + ' '.repeat(comment.end - comment.start);
    ({ end } = comment);
    return piece;
  });
  return pieces.join('') + source.slice(end);
}

type TextOf = (node: Node) => string;
type Named = ReadonlyMap<string, readonly Node[]>;

/** Finds the declarations of a module by name. A function with several signatures is declared several times. */
function findNamed(body: readonly Node[]): Named {
  const named = new Map<string, Node[]>();
  for (const statement of body) {
    const declaration = (statement['declaration'] ?? statement) as Node;
    const list = (declaration['declarations'] as Node[] | undefined) ?? [declaration];
    for (const node of list) {
      const { name } = (node['id'] ?? {}) as { name?: string };
      if (name !== undefined) named.set(name, [...(named.get(name) ?? []), node]);
    }
  }
  return named;
}

/** Lists the types that a union of names consists of, through its aliases. */
function listMembers(named: Named, name: string): string[] {
  const type = named.get(name)?.[0]?.['typeAnnotation'] as Node | undefined;
  const parts = type?.type === 'TSUnionType' ? (type['types'] as Node[]).map(referenceOf) : [null];
  const names = parts.filter((part) => part !== null);
  // A union that describes one of its parts itself is a single message.
  if (names.length < parts.length) return type === undefined ? [] : [name];
  return [...new Set(names.flatMap((part) => listMembers(named, part)))];
}

function referenceOf(node: Node): string | null {
  return node.type === 'TSTypeReference' ? ((node['typeName'] as { name?: string }).name ?? null) : null;
}

/** Returns the lines of one declaration: a line for each field of an object, each value of a union, each signature. */
function toLines(place: string, node: Node, textOf: TextOf): string[] {
  switch (node.type) {
    case 'TSTypeAliasDeclaration':
      return toLines(place, node['typeAnnotation'] as Node, textOf);
    case 'TSInterfaceDeclaration':
    case 'ClassDeclaration': {
      const body = (node['body'] as Node)['body'] as Node[];
      return [place, ...body.flatMap((field) => toFieldLines(place, field, textOf))];
    }
    case 'TSTypeLiteral':
      return (node['members'] as Node[]).flatMap((field) => toFieldLines(place, field, textOf));
    case 'TSUnionType':
    case 'TSIntersectionType':
      return (node['types'] as Node[]).flatMap((part) => toLines(place, part, textOf));
    case 'VariableDeclarator': {
      const given = (node['id'] as Node)['typeAnnotation'] as Node | null;
      return toLines(place, given === null ? (node['init'] as Node) : (given['typeAnnotation'] as Node), textOf);
    }
    case 'TSTypeOperator':
      return toLines(place, node['typeAnnotation'] as Node, textOf);
    case 'TSTupleType':
      return (node['elementTypes'] as Node[]).flatMap((part) => toLines(place, part, textOf));
    // Other names of declarations that stand beside it.
    case 'TSModuleDeclaration':
      return [];
    case 'TSParenthesizedType':
      return toLines(place, node['typeAnnotation'] as Node, textOf);
    default:
      return [`${place}: ${textOf(node)}`];
  }
}

function toFieldLines(place: string, field: Node, textOf: TextOf): string[] {
  const key = field['key'] as Node | undefined;
  const type = (field['typeAnnotation'] as Node | undefined)?.['typeAnnotation'] as Node | undefined;
  const isStructured = type !== undefined && /^TS(?:TypeLiteral|UnionType|IntersectionType)$/.test(type.type);
  if (key === undefined || !isStructured) return [`${place}: ${textOf(field).replace(/;$/, '')}`];
  return toLines(`${place}.${textOf(key)}${field['optional'] === true ? '?' : ''}`, type, textOf);
}

/** Returns the names of the messages that a type describes, from its literal `type` and `subtype`. */
function toMessageNames(nodes: readonly Node[], textOf: TextOf): string[] {
  const lines = nodes.flatMap((node) => toLines('', node, textOf));
  const valuesOf = (field: string) =>
    lines.flatMap((line) => {
      const value = new RegExp(`^(?:: ${field}|\\.${field}\\??): '([^']+)'$`).exec(line)?.[1];
      return value === undefined ? [] : [value];
    });
  const [type] = valuesOf('type');
  if (type === undefined) return [];
  const subtypes = type === 'system' ? valuesOf('subtype') : [];
  return subtypes.length === 0 ? [type] : subtypes.map((subtype) => `${type}/${subtype}`);
}
