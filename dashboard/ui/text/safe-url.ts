interface SafeUrl {
  readonly href: string;
  /** The target after parsing, so that letters of other scripts cannot imitate a known host. */
  readonly host: string;
}

/** Parses a URL that may be opened; null for everything but absolute http, https and mailto URLs. */
export function toSafeUrl(text: string): SafeUrl | null {
  if (!/^(https?:\/\/|mailto:)/i.test(text) || !URL.canParse(text)) return null;
  const { href, host, protocol, pathname, username, password } = new URL(text);
  if (username !== '' || password !== '') return null;
  if (protocol === 'mailto:') return { href, host: pathname };
  return { href, host };
}
