import { Group, TextInput } from '@mantine/core';

interface OwnerInputsProps {
  /** Null when the signed-in key is bound to a user. */
  readonly user: string | null;
  readonly onUser: (user: string) => void;
  /** Null when the signed-in key is bound to a team. */
  readonly team: string | null;
  readonly onTeam: (team: string) => void;
}

/** Fields for the user and the team of a submission, as far as the signed-in key may choose them. */
export function OwnerInputs({ user, onUser, team, onTeam }: OwnerInputsProps) {
  if (user === null && team === null) return null;
  return (
    <Group grow>
      {user !== null && <TextInput label="User" value={user} onChange={(event) => onUser(event.currentTarget.value)} />}
      {team !== null && <TextInput label="Team" value={team} onChange={(event) => onTeam(event.currentTarget.value)} />}
    </Group>
  );
}
