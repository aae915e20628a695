import { Button, Checkbox, Radio, Stack, TextInput } from '@mantine/core';
import { useState, type FormEvent, type ReactNode } from 'react';
import { toVisible } from '../../ui/text/to-visible.ts';
import type { Question } from './questions.ts';
import classes from './decision-form.module.css';

interface QuestionFormProps {
  readonly questions: readonly Question[];
  readonly isPending: boolean;
  readonly onAnswer: (answers: Record<string, string | string[]>) => void;
  readonly onDeny: () => void;
  readonly children: ReactNode;
}

interface Answer {
  readonly chosen: readonly string[];
  readonly own: string;
}

const NONE: Answer = { chosen: [], own: '' };

/** Answers the agent's questions, with their options or in the user's own words. */
export function QuestionForm({ questions, isPending, onAnswer, onDeny, children }: QuestionFormProps) {
  const [answers, setAnswers] = useState<Readonly<Record<string, Answer>>>({});
  const of = (question: string) => answers[question] ?? NONE;
  const set = (question: string, answer: Partial<Answer>) =>
    setAnswers({ ...answers, [question]: { ...of(question), ...answer } });
  const isComplete = questions.every(({ question }) => toAnswers(of(question)).length > 0);

  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!isComplete) return;
    onAnswer(
      Object.fromEntries(
        questions.map(({ question, isMultiple }) => {
          const given = toAnswers(of(question));
          return [question, isMultiple ? given : given[0]!];
        }),
      ),
    );
  };

  return (
    <form className={classes['form']} onSubmit={onSubmit}>
      {questions.map(({ question, options, isMultiple }) => {
        const { chosen, own } = of(question);
        const choices = options.map(({ label, description }) => {
          const common = {
            key: label,
            value: label,
            label: toVisible(label),
            description: description === null ? undefined : toVisible(description),
          };
          return isMultiple ? <Checkbox {...common} key={label} /> : <Radio {...common} key={label} size="xs" />;
        });
        const list = (
          <Stack gap={8} mt={6}>
            {choices}
          </Stack>
        );
        return (
          <fieldset key={question} className={classes['question']}>
            <legend>{toVisible(question)}</legend>
            {isMultiple ? (
              <Checkbox.Group value={[...chosen]} onChange={(next) => set(question, { chosen: next })}>
                {list}
              </Checkbox.Group>
            ) : (
              <Radio.Group
                value={own === '' ? (chosen[0] ?? '') : ''}
                onChange={(next) => set(question, { chosen: [next], own: '' })}
              >
                {list}
              </Radio.Group>
            )}
            <TextInput
              mt={8}
              aria-label="In your own words"
              placeholder="In your own words"
              maxLength={10_000}
              value={own}
              onChange={(event) =>
                set(question, { own: event.currentTarget.value, ...(!isMultiple && { chosen: [] }) })
              }
            />
          </fieldset>
        );
      })}
      {children}
      <div className={classes['buttons']}>
        <Button type="submit" loading={isPending} disabled={!isComplete} data-decision="allow">
          Answer
        </Button>
        <Button variant="default" onClick={onDeny} data-decision="deny">
          Decline to answer…
        </Button>
      </div>
    </form>
  );
}

function toAnswers({ chosen, own }: Answer): string[] {
  return own.trim() === '' ? [...chosen] : [...chosen, own.trim()];
}
