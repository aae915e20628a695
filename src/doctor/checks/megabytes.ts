/** Formats a number of bytes in megabytes (10^6). */
export const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
