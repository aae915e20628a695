import { Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core';
import type { BudgetChange, BudgetResource } from 'longhaul/client';
import { useState, type FormEvent } from 'react';
import { client } from '../../data/client.ts';
import { useAction } from '../../data/use-action.ts';
import { messageOf } from '../../ui/states/message-of.ts';
import type { BudgetGroup } from './group-budgets.ts';
import { toOwnerName } from './group-budgets.ts';

export type BudgetOwner = BudgetGroup;

interface BudgetDialogProps {
  /** Owner of the budget; null when the user chooses it. */
  readonly owner: BudgetOwner | null;
  readonly onClose: () => void;
}

/** Overrides a budget of the configuration, immediately and on all servers. */
export function BudgetDialog({ owner, onClose }: BudgetDialogProps) {
  const limitOf = (period: BudgetResource['period']) => owner?.budgets.find((budget) => budget.period === period);
  const [scope, setScope] = useState<BudgetResource['scope']>(owner?.scope ?? 'user');
  const [key, setKey] = useState(owner?.key ?? '');
  const [day, setDay] = useState(toText(limitOf('day')));
  const [month, setMonth] = useState(toText(limitOf('month')));
  const change = useAction({
    act: (wanted: BudgetChange) => client.changeBudget(wanted),
    changes: ['budgets', 'audit'],
    onSuccess: onClose,
    done: 'The budget was changed.',
    isQuiet: true,
  });
  const isChanged = owner?.budgets.some((budget) => budget.isChanged) === true;
  const target = {
    scope,
    ...(scope !== 'global' && { key: key.trim() }),
    ...(owner !== null && owner.team !== null && { team: owner.team }),
  };
  const limits = {
    ...(day.trim() !== '' && { usdPerDay: Number(day) }),
    ...(month.trim() !== '' && { usdPerMonth: Number(month) }),
  };
  const isReady =
    !isWrong(day) && !isWrong(month) && Object.keys(limits).length > 0 && (scope === 'global' || key.trim() !== '');
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (isReady) change.mutate({ ...target, ...limits });
  };
  return (
    <Modal opened onClose={onClose} title={owner === null ? 'Set a budget' : `Budget of ${toOwnerName(owner)}`}>
      <form onSubmit={onSubmit}>
        <Stack gap="sm">
          {owner === null && <OwnerInputs scope={scope} onScope={setScope} ownerKey={key} onOwnerKey={setKey} />}
          <Group grow align="flex-start">
            <UsdInput label="USD a day" value={day} onChange={setDay} isFirst={owner !== null} />
            <UsdInput label="USD a month" value={month} onChange={setMonth} />
          </Group>
          <Text size="xs" c="dimmed">
            This overrides the configuration, immediately and on all servers. An empty field changes nothing.
          </Text>
          {change.error !== null && (
            <Text c="red" role="alert">
              {messageOf(change.error)}
            </Text>
          )}
          <Group justify="space-between" mt="xs">
            {isChanged ? (
              <Button
                variant="default"
                loading={change.isPending}
                onClick={() => change.mutate({ ...target, usdPerDay: null, usdPerMonth: null })}
              >
                Reset to the configuration
              </Button>
            ) : (
              <span />
            )}
            <Button type="submit" disabled={!isReady} loading={change.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

interface OwnerInputsProps {
  readonly scope: BudgetResource['scope'];
  readonly onScope: (scope: BudgetResource['scope']) => void;
  readonly ownerKey: string;
  readonly onOwnerKey: (key: string) => void;
}

/** Chooses whose budget to set. */
function OwnerInputs({ scope, onScope, ownerKey, onOwnerKey }: OwnerInputsProps) {
  return (
    <Group grow align="flex-start">
      <Select
        label="For"
        allowDeselect={false}
        data={[
          { value: 'user', label: 'A user' },
          { value: 'team', label: 'A team' },
          { value: 'global', label: 'Everything' },
        ]}
        value={scope}
        onChange={(next) => onScope(next ?? 'user')}
      />
      {scope !== 'global' && (
        <TextInput
          label={scope === 'user' ? 'User' : 'Team'}
          value={ownerKey}
          onChange={(event) => onOwnerKey(event.currentTarget.value)}
          data-autofocus
        />
      )}
    </Group>
  );
}

interface UsdInputProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly isFirst?: boolean;
}

function UsdInput({ label, value, onChange, isFirst = false }: UsdInputProps) {
  return (
    <TextInput
      label={label}
      inputMode="decimal"
      leftSection="$"
      value={value}
      error={isWrong(value) ? 'An amount such as 12.50' : undefined}
      onChange={(event) => onChange(event.currentTarget.value)}
      data-autofocus={isFirst || undefined}
    />
  );
}

function isWrong(text: string): boolean {
  return text.trim() !== '' && !/^\d{1,7}(\.\d{1,6})?$/.test(text.trim());
}

function toText(budget: BudgetResource | undefined): string {
  return budget === undefined || budget.limitUsd === null ? '' : String(budget.limitUsd);
}
