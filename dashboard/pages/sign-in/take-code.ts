/**
 * The code of a link that signs in once, `#code=…`, which is then taken out of the address: it is not to be found in the
 * history, nor sent to anybody. Null: the address has none.
 */
export function takeCode(): string | null {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null || code === '') return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  return code;
}
