interface SafeUrl {
  readonly href: string;
  /** Where it leads, as it is resolved: letters of other scripts are not to be mistaken. */
  readonly host: string;
}

/** An address that may be opened; null: anything but a whole one of a web site or for mail. */
export function toSafeUrl(text: string): SafeUrl | null {
  if (!/^(https?:\/\/|mailto:)/i.test(text) || !URL.canParse(text)) return null;
  const { href, host, protocol, pathname, username, password } = new URL(text);
  if (username !== '' || password !== '') return null;
  if (protocol === 'mailto:') return { href, host: pathname };
  return { href, host };
}
