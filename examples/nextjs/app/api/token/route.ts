import { longhaul } from '../../../lib/longhaul';

// Gives the browser a token for whoever is signed in. Your session says who that is.
export async function POST(): Promise<Response> {
  const user = 'ann';
  return Response.json(await longhaul.client.createToken({ user }));
}
