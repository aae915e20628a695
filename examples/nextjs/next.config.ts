import type { NextConfig } from 'next';

// Longhaul starts processes and reads files beside its own: it is not to be bundled.
export default { serverExternalPackages: ['longhaul'] } satisfies NextConfig;
