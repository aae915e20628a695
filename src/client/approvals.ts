import type { ApprovalResource, DecisionRequest } from '../api/contract.ts';
import { jsonBody } from './json-body.ts';
import type { ApprovalFilter, ApprovalPage } from './lists.ts';
import type { Transport } from './transport.ts';

/** Methods that list and decide approvals. */
export interface ApprovalMethods {
  /** Lists approvals, newest first, one page at a time. */
  approvals(filter?: ApprovalFilter): Promise<ApprovalPage>;
  /** Allows a tool use, optionally with another input; answers a question with `answers`. */
  approve(id: string, options?: Omit<DecisionRequest, 'decision'>): Promise<ApprovalResource>;
  /** Denies a tool use; the model receives the reason. */
  deny(id: string, reason?: string): Promise<ApprovalResource>;
}

export function createApprovalMethods({ requestJson, toQuery }: Transport): ApprovalMethods {
  const decide = (id: string, decision: DecisionRequest) =>
    requestJson<ApprovalResource>(`/v1/approvals/${encodeURIComponent(id)}`, jsonBody('POST', decision));
  return {
    approvals: (filter = {}) => requestJson(`/v1/approvals${toQuery({ ...filter })}`),
    approve: (id, options = {}) => decide(id, { ...options, decision: 'allow' }),
    deny: (id, reason) => decide(id, { decision: 'deny', reason }),
  };
}
