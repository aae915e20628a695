/**
 * Reads the code of a sign-in link, `#code=…`, and removes it from the address, so that it stays neither in the
 * history nor in a copied link. Null without a code.
 */
export function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null || code === '') return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  return code;
}
