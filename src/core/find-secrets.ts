import { rules as keptRules } from '@secretlint/secretlint-rule-preset-recommend';
import { findPrivateKeys } from './find-private-keys.ts';

/** A place in a text that looks like a key, and the kind of key. */
export interface FoundSecret {
  readonly start: number;
  readonly end: number;
  /** For example `github-token`. */
  readonly kind: string;
}

/**
 * Finds everything in `text` that looks like a key, in order and without overlap. The patterns are those of
 * secretlint's recommended set, which its maintainers keep up to date with the providers, and a few of ours for keys
 * that the set leaves out.
 */
export function findSecrets(text: string): FoundSecret[] {
  if (!LONG_WORD.test(text) && !text.includes('://')) return [];
  // A line break may be escaped, as in JSON inside JSON; its letter would otherwise join the key after it.
  const loosened = text.includes('\\') ? text.replace(SPELLED_BREAK, (spelled) => ' '.repeat(spelled.length)) : text;
  const found: FoundSecret[] = [];
  for (const { kind, pattern } of OWN_PATTERNS) {
    for (const { indices } of loosened.matchAll(pattern)) {
      // The key is the group, if there is one; the text around it only identifies the key.
      const [start, end] = indices?.[1] ?? indices?.[0] ?? [0, 0];
      found.push({ start, end, kind });
    }
  }
  for (const { start, end } of findPrivateKeys(loosened)) found.push({ start, end, kind: 'private-key' });
  for (const scan of keptScans) scan(loosened, found);
  return found.length < 2 ? found : joinOverlapping(found);
}

/** Every key contains a word of this length, except a password in an address; most texts contain neither. */
const LONG_WORD = /\S{16}/;

const SPELLED_BREAK = /(?<!\\)\\{1,8}[nrt]/g;

/** The part of secretlint's rules that we use: each rule receives a text and synchronously reports ranges of it. */
interface Rule {
  readonly meta: { readonly id: string };
  create(context: RuleContext, options: { enableIDScanRule?: boolean }): { file(source: RuleSource): unknown };
}
interface RuleContext {
  createTranslator(): (messageId: string) => string;
  report(finding: { message: string; range: readonly [number, number] }): void;
}
interface RuleSource {
  readonly content: string;
  readonly contentType: 'text';
  readonly filePath: '';
  readonly ext: '';
}

type Scan = (text: string, found: FoundSecret[]) => void;

/**
 * Rules of the set that are left out: comments that turn rules off; files by their name; and addresses with a password.
 * The set's rule for addresses takes the whole address and skips passwords like "secret"; ours takes the password
 * alone, and any password.
 */
const UNUSED_RULES = /-(filter-comments|gcp|basicauth|database-connection-string)$/;

/** An account id is not a secret. Of an AWS secret's assignment, the set reports as many characters as the secret has. */
const UNUSED_KINDS = new Set(['aws-account-id', 'aws-secret-access-key']);

/** No key is shorter; shorter findings of the set are code that looks like a key, such as `SG.config.name`. */
const SHORTEST_KEY = 16;

const keptScans = (keptRules as unknown as readonly Rule[])
  .filter(({ meta }) => !UNUSED_RULES.test(meta.id))
  .map(createScan);

function createScan(rule: Rule): Scan {
  let text = '';
  let found: FoundSecret[] = [];
  const { file } = rule.create(
    {
      createTranslator: () => (messageId) => messageId,
      report({ message, range: [start, end] }) {
        const kind = toKind(message);
        // Some patterns run to the end of the line. No key except a PEM block contains white space.
        const key = text.slice(start, end);
        const length = kind === 'private-key' ? key.length : /^\S*/.exec(key)![0].length;
        if (length >= SHORTEST_KEY && !UNUSED_KINDS.has(kind)) found.push({ start, end: start + length, kind });
      },
    },
    { enableIDScanRule: true },
  );
  return (given, into) => {
    [text, found] = [given, into];
    file({ content: given, contentType: 'text', filePath: '', ext: '' });
    [text, found] = ['', []];
  };
}

/** Converts `AWSSecretAccessKey` and `GITHUB_TOKEN` to `aws-secret-access-key` and `github-token`. */
function toKind(messageId: string): string {
  return messageId
    .replace(/([a-z\d])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3-$2')
    .replaceAll('_', '-')
    .toLowerCase();
}

function joinOverlapping(found: FoundSecret[]): FoundSecret[] {
  const joined: FoundSecret[] = [];
  for (const secret of found.sort((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last === undefined || secret.start >= last.end) joined.push(secret);
    else if (secret.end > last.end) joined[joined.length - 1] = { ...last, end: secret.end };
  }
  return joined;
}

/**
 * Keys that secretlint's recommended set (13.0.7) leaves out or matches more narrowly than a log may. The set reports
 * to authors, who are stopped by a false alarm, so it requires a key's exact length and skips examples. Each pattern
 * names the source of its form.
 */
const OWN_PATTERNS: readonly { kind: string; pattern: RegExp }[] = [
  // Our own keys: `generateKey` in access/keys.ts.
  { kind: 'longhaul-api-key', pattern: /(?<![A-Za-z0-9_-])lh_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/dg },
  // API, admin and OAuth keys alike (gitleaks: anthropic-api-key, anthropic-admin-api-key), of any length.
  { kind: 'anthropic-api-key', pattern: /sk-ant-[A-Za-z0-9_-]{16,}/dg },
  // Project, service and admin keys of any length; older ones have 48 characters (platform.openai.com/docs).
  {
    kind: 'openai-token',
    pattern:
      /(?<![A-Za-z0-9_-])sk-(?:(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_-]{20,}|[A-Za-z0-9]{48}(?![A-Za-z0-9_-]))/dg,
  },
  // Examples as well (docs.aws.amazon.com, IAM identifiers; gitleaks: aws-access-token).
  {
    kind: 'aws-access-key-id',
    pattern: /(?<![A-Za-z0-9+/_-])(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9+/=_-])/dg,
  },
  // Like secretlint's pattern, with escaped quotes, and with an end like `/` or `=`.
  {
    kind: 'aws-secret-access-key',
    pattern:
      /secret_?access_?key[\\"']{0,2}\s{0,9}(?::|=>|=)\s{0,9}[\\"']{0,2}([A-Za-z0-9/+=]{40})(?![A-Za-z0-9/+=])/dgi,
  },
  // gitleaks: gcp-api-key.
  { kind: 'google-api-key', pattern: /(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/dg },
  // RFC 7519: header and claims are JSON objects, so their base64 begins with `ey`; the signature may be missing.
  {
    kind: 'json-web-token',
    pattern: /(?<![A-Za-z0-9_-])ey[A-Za-z0-9_-]{15,}\.ey[A-Za-z0-9_-]{15,}\.(?:[A-Za-z0-9_-]{10,})?/dg,
  },
  // npm's documentation of .npmrc; the set searches only files of that name.
  { kind: 'npmrc-auth-token', pattern: /_auth(?:Token)?\s{0,2}=\s{0,2}["']?([^\s$"'[]\S{7,})/dg },
  // RFC 3986, 3.2.1: the password of an address of any scheme, up to the last `@` before the path.
  {
    kind: 'url-password',
    pattern:
      /(?<=[A-Za-z][A-Za-z0-9+.-]{0,30}):\/\/[^\s:/?#@"'<>`\\]{0,256}:(?!\d{1,5}[?#])([^\s/"'<>`\\]{1,256})@(?=[A-Za-z0-9[])/dg,
  },
];
