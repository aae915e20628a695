import { longhaul } from '../../../lib/longhaul';

// Gives the browser a token for the signed-in user, whom your session names.
export async function POST(): Promise<Response> {
  const user = 'ann';
  return Response.json(await longhaul.client.createToken({ user }));
}
