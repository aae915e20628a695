import type pg from 'pg';

/** The open pools of this process. Two Longhauls in one process are measured together, as its memory is. */
const pools = new Set<pg.Pool>();

/** Counts a pool's connections until the returned function is called. */
export function countPool(pool: pg.Pool): () => void {
  pools.add(pool);
  return () => {
    pools.delete(pool);
  };
}

/** Counts the connections of all open pools: in use, and idle. */
export function countConnections(): { readonly active: number; readonly idle: number } {
  let [active, idle] = [0, 0];
  for (const pool of pools) {
    active += pool.totalCount - pool.idleCount;
    idle += pool.idleCount;
  }
  return { active, idle };
}
