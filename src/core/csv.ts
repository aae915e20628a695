/** A row of CSV by RFC 4180, its end included. Texts can be anything: a spreadsheet takes none of them for a formula. */
export function toCsvLine(cells: readonly (string | number | boolean | null)[]): string {
  return `${cells.map((cell) => quote(typeof cell === 'string' ? disarm(cell) : cell === null ? '' : String(cell))).join(',')}\r\n`;
}

/** https://owasp.org/www-community/attacks/CSV_Injection */
export function disarm(text: string): string {
  return /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text;
}

function quote(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
