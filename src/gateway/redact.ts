/** Returns `bytes` with all `secrets` replaced. */
export function redact(bytes: Buffer, secrets: readonly string[]): Buffer {
  // In latin1 every byte is one character, so bytes without a secret stay unchanged.
  const text = bytes.toString('latin1');
  return Buffer.from(
    secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text),
    'latin1',
  );
}

/** A shorter value is not a secret, and may occur in an answer by chance. */
const MIN_SECRET_LENGTH = 8;

/** Returns the secret values of headers, without the scheme before a credential. */
export function secretsOf(headers: Readonly<Record<string, string>>): string[] {
  return Object.values(headers)
    .map((value) => value.replace(/^(?:Bearer|Basic) /i, ''))
    .filter((value) => value.length >= MIN_SECRET_LENGTH);
}
