import { formatUsd } from '../format/format.ts';

/** An amount of money, not rounded. */
export function Usd({ usd }: { readonly usd: number }) {
  return <span className="numeric">{formatUsd(usd)}</span>;
}
