import { longhaul } from '../../../../lib/longhaul';

// Serves the whole API, streams included, below /api/longhaul.
const { fetch } = longhaul;
export { fetch as DELETE, fetch as GET, fetch as PATCH, fetch as POST, fetch as PUT };
