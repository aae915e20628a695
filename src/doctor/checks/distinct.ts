import type { Finding } from '../check.ts';

/** Several processes of one program have the same finding. */
export function distinct(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [JSON.stringify(finding), finding])).values()];
}
