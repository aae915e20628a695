const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** Encodes bytes in base32 (RFC 4648, 6) in lower case, without padding. */
export function toBase32(bytes: Uint8Array): string {
  let text = '';
  let [bits, value] = [0, 0];
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(value >>> bits) & 31];
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? text + ALPHABET[(value << (5 - bits)) & 31] : text;
}

/** Decodes `toBase32`; null for any other text. */
export function fromBase32(text: string): Uint8Array | null {
  const bytes: number[] = [];
  let [bits, value] = [0, 0];
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit === -1) return null;
    value = (value << 5) | digit;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push(value >>> bits);
      value &= (1 << bits) - 1;
    }
  }
  const decoded = Uint8Array.from(bytes);
  return toBase32(decoded) === text ? decoded : null;
}
