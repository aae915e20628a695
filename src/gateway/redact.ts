/** `bytes` with every one of `secrets` blotted out. */
export function redact(bytes: Buffer, secrets: readonly string[]): Buffer {
  // As latin1 every byte is one character, so what holds no secret comes out as it went in.
  const text = bytes.toString('latin1');
  return Buffer.from(
    secrets.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text),
    'latin1',
  );
}
