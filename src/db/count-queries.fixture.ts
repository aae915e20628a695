import type { Database } from './database.ts';

/** Returns the same database, and the number of statements that were executed on its `sql`. `onQuery` may throw. */
export function countQueries(
  database: Database,
  onQuery: () => void = () => {},
): { readonly counted: Database; queries(): number } {
  let count = 0;
  const sql = database.sql.withPlugin({
    transformQuery({ node }) {
      onQuery();
      count += 1;
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  });
  return { counted: { ...database, sql }, queries: () => count };
}
