import { describe, expect, it } from 'vitest';
import type { Caller } from './caller.ts';
import { untilEnded } from './until-ended.ts';

const caller: Caller = { kind: 'token', keyId: 'k', scopes: [], user: 'ann', team: null };
const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });

describe('the end of a credential', () => {
  it('is that of its key when it has no expiry', () => {
    const { signal: revoked } = new AbortController();
    expect(untilEnded({ caller, revoked, expiresAt: null }).signal).toBe(revoked);
  });

  it('comes when the token expires, or earlier when the key is revoked', async () => {
    const key = new AbortController();
    const soon = untilEnded({ caller, revoked: key.signal, expiresAt: new Date(Date.now() + 20) });
    await aborted(soon.signal);
    expect(key.signal.aborted).toBe(false);
    const later = untilEnded({ caller, revoked: key.signal, expiresAt: new Date(Date.now() + 86_400_000) });
    expect(later.signal.aborted).toBe(false);
    key.abort();
    expect(later.signal.aborted).toBe(true);
    const over = untilEnded({ caller, revoked: key.signal, expiresAt: new Date(Date.now() + 1_000) });
    expect(over.signal.aborted).toBe(true);
  });

  it('is no longer watched after dispose', () => {
    const key = new AbortController();
    const { signal, dispose } = untilEnded({ caller, revoked: key.signal, expiresAt: new Date(Date.now() + 1_000) });
    dispose();
    key.abort();
    expect(signal.aborted).toBe(false);
  });
});
