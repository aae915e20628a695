import { describe, expect, it } from 'vitest';
import { maskSecrets } from './mask-secrets.ts';
import { createStreamMask } from './stream-mask.ts';

/** Milliseconds that a kilobyte of the worst text may take. Measured: 0.02 for prose, 0.4 for the worst text found. */
const MS_PER_KILOBYTE = 8;

/**
 * Smallest bound, in milliseconds: a short scan includes compilation, garbage collection and other work of the machine.
 */
const LEAST_MS = 60;

/** Parts of keys and of their surroundings, from which hostile texts are made. */
const FRAGMENTS = [
  ['-----BEGIN ', 'PRIVATE KEY', ' BLOCK', '-----', '-----END ', 'RSA ', 'OPENSSH ', 'PGP '],
  ['-----BEGIN PRIVATE KEY-----', '-----BEGIN RSA PRIVATE KEY-----\n', '-----END PRIVATE KEY-----'],
  ['Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-256-CBC,', 'a: ', 'A-a: ', ': ', ':', '='],
  ['sk-ant-', 'sk-proj-', 'sk-', 'T3BlbkFJ', 'lh_', 'AKIA', 'secret_access_key', '_authToken=', 'AIza', 'ey', '.ey'],
  ['ghp_', 'ghs_1_', 'github_pat_', 'glpat-', 'glc_', 'xoxb-', 'xoxb-1-', 'SG.', 'npm_', 'hvs.', 'ops_ey', 'hf_'],
  ['sk_live_', 'shpat_', 'dapi', 'dckr_pat_', 'tskey-auth-', 'vcp_', 'lin_api_', 'ntn_', 'gsk_', 'fQ=='],
  ['https://', 'postgres://', 'a://', 'a://b:', '@', '@github.com/', ':x-oauth-basic', 'hooks.slack.com/services/T'],
  ['\n', '\r\n', ' ', '\t', '\\n', '\\', '\\\\', '"', "'", '.', '-', '_', '/', '+', ',', '{', 'é', '😀', '\ud800'],
  ['a', 'A', '0', 'a'.repeat(15), 'A'.repeat(16), 'a'.repeat(32), 'aA0'.repeat(40), '=a1/'.repeat(16), ' '.repeat(9)],
].flat();

const SIZES = [128, 512, 2_048, 16_384, 131_072];

describe('the time it takes to mask a text', () => {
  const random = createRandom(20_261_129);
  const patterns = Array.from({ length: 250 }, () =>
    Array.from({ length: 1 + Math.floor(random() * 5) }, () => FRAGMENTS[Math.floor(random() * FRAGMENTS.length)]!),
  );

  it('is linear in its length when it repeats any parts of keys', () => {
    for (const parts of [...FRAGMENTS.map((fragment) => [fragment]), ...patterns]) {
      expectLinear(parts, (text) => maskSecrets(text));
    }
  });

  it('is linear when the parts come in any order', () => {
    for (let round = 0; round < 30; round++) {
      const parts = Array.from({ length: 2_000 }, () => FRAGMENTS[Math.floor(random() * FRAGMENTS.length)]!);
      expectLinear(parts, (text) => maskSecrets(text));
    }
  });

  it('is linear for a private key with headers on one line and no body', () => {
    const parts = ['-----BEGIN PRIVATE KEY-----', 'a: '];
    for (const count of [10, 40, 160, 640]) expectLinear([parts[0]!, ...Array(count).fill(parts[1]!)], maskSecrets);
  });

  it('is linear for a stream with lines that look like those of a key up to their last character', () => {
    for (const margin of ['\r', '\\']) {
      const text = `-----BEGIN PRIVATE KEY-----\n${margin.repeat(4_000)}!\n`.repeat(32);
      const mask = createStreamMask();
      const tookMs = measure(() => mask.push(text) + mask.end());
      expect(tookMs, JSON.stringify(margin)).toBeLessThan(LEAST_MS);
    }
  });

  it('is linear for a stream, however small its pieces are', () => {
    for (const parts of patterns.slice(0, 60)) {
      expectLinear(
        parts,
        (text) => {
          const mask = createStreamMask();
          for (let index = 0; index < text.length; index += 3) mask.push(text.slice(index, index + 3));
          mask.end();
        },
        16_384,
      );
    }
  });
});

/** Tries ever longer repetitions, so that time which grows too quickly is noticed early. */
function expectLinear(parts: readonly string[], mask: (text: string) => unknown, longest = SIZES.at(-1)!): void {
  const unit = parts.join('');
  for (const size of SIZES.filter((one) => one <= longest)) {
    const text = unit.repeat(Math.ceil(size / unit.length)).slice(0, Math.max(size, unit.length));
    const boundMs = Math.max(LEAST_MS, (text.length / 1_000) * MS_PER_KILOBYTE);
    let tookMs = measure(() => mask(text));
    // A busy machine is slow now and then; a slow pattern is slow every time.
    for (let tries = 1; tries < 4 && tookMs > boundMs; tries++) tookMs = measure(() => mask(text));
    expect(tookMs, `${text.length} characters of ${JSON.stringify(unit.slice(0, 200))}`).toBeLessThan(boundMs);
  }
}

/** Returns this process's processor time in milliseconds. */
function measure(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  return process.cpuUsage(before).user / 1_000;
}

/** Creates a generator of numbers from 0 up to 1 that returns the same numbers for the same seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
