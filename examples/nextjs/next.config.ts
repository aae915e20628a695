import type { NextConfig } from 'next';

// Longhaul starts processes and reads files beside its own: do not bundle it.
export default { serverExternalPackages: ['longhaul'] } satisfies NextConfig;
