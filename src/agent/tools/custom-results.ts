import type { CustomToolResult } from '../../core/custom-tools.ts';

/** The results of tools that the client runs, between the gate, which waits for them, and the tools' server. */
export interface CustomResults {
  put(toolUseId: string, result: CustomToolResult): void;
  /** Returns a result once; null when there is none. */
  take(toolUseId: string): CustomToolResult | null;
}

export function createCustomResults(): CustomResults {
  const results = new Map<string, CustomToolResult>();
  return {
    put(toolUseId, result) {
      results.set(toolUseId, result);
    },
    take(toolUseId) {
      const result = results.get(toolUseId) ?? null;
      results.delete(toolUseId);
      return result;
    },
  };
}
