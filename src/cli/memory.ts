/** Formats an amount of memory for people: `180 MB`, `1.2 GB`, in powers of ten; `-` when it is unknown. */
export function formatMemory(bytes: number | null): string {
  if (bytes === null) return '-';
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
