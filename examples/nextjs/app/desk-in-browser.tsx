'use client';

import dynamic from 'next/dynamic';

// A live view has nothing to show on the server, where `longhaul` is not bundled and would load a second React.
export const DeskInBrowser = dynamic(() => import('./desk').then(({ Desk }) => Desk), { ssr: false });
