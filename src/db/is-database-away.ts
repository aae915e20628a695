/**
 * Whether an error says that the database cannot be reached or cannot work just now, so that the same statement may
 * succeed later; false when it was refused for what it is. By the class of the SQLSTATE: connection, resources,
 * operator intervention, system, rollback (PostgreSQL, appendix A); one without a state comes from the connection.
 */
export function isDatabaseAway(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code !== 'string' || !/^(?=.*\d)[0-9A-Z]{5}$/.test(code))
    return !(error instanceof TypeError || error instanceof RangeError);
  return ['08', '40', '53', '57', '58'].includes(code.slice(0, 2));
}
