/** A node of a plan that reads a table. */
export interface Scan {
  /** The node's type, such as `Index Scan`. */
  readonly node: string;
  readonly relation: string;
  /** The index that is read; null: none. */
  readonly index: string | null;
  /** Rows that one execution read, including the rows that it dropped. */
  readonly rowsRead: number;
  readonly executions: number;
}

/** Lists the nodes that read a table in the answer to `explain (analyze, format json)`. */
export function listScans(plan: unknown): Scan[] {
  if (typeof plan !== 'object' || plan === null) return [];
  const node = plan as Record<string, unknown>;
  const below = Object.values(node).flatMap(listScans);
  if (typeof node['Relation Name'] !== 'string') return below;
  const scan = {
    node: String(node['Node Type']),
    relation: node['Relation Name'],
    index: typeof node['Index Name'] === 'string' ? node['Index Name'] : null,
    rowsRead: Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0),
    executions: Number(node['Actual Loops']),
  };
  return [scan, ...below];
}
