/**
 * Reads a value after the `#` of the address, such as the code of a sign-in link (`#code=…`), and removes it, so that it
 * stays neither in the history nor in a copied link. Null when it is missing.
 */
export function takeFromHash(name: string): string | null {
  const value = new URLSearchParams(location.hash.slice(1)).get(name);
  if (value === null || value === '') return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  return value;
}
