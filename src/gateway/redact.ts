/** `bytes` with every one of `secrets` blotted out. */
export function redact(bytes: Buffer, secrets: readonly string[]): Buffer {
  // As latin1 every byte is one character, so what holds no secret comes out as it went in.
  const text = bytes.toString('latin1');
  return Buffer.from(
    secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text),
    'latin1',
  );
}

/** What is as short is no secret, and may stand in an answer by chance. */
const MIN_SECRET_LENGTH = 8;

/** What must not be shown of headers: their values, each without the scheme before a credential. */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.values(headers)
    .map((value) => value.replace(/^(?:Bearer|Basic) /i, ''))
    .filter((value) => value.length >= MIN_SECRET_LENGTH);
}
