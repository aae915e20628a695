import { expect, it } from 'vitest';
import { createSteering, type SteeringMessage } from './steering.ts';

const lifecycle = (id: string, state: string) => ({ type: 'command_lifecycle', command_uuid: id, state });

function create() {
  const told: SteeringMessage[] = [];
  const takenUp: string[] = [];
  const tool = { isAtWork: false };
  const steering = createSteering({ onTakenUp: (id) => takenUp.push(id) });
  steering.attach({ tell: (message) => told.push(message), isAtTool: () => tool.isAtWork });
  return { steering, told, takenUp, tool };
}

const a = { id: 'a', text: 'A.' };
const b = { id: 'b', text: 'B.' };

it('sends nothing during an answer, and every waiting message when a tool begins, which waits until they are read', async () => {
  const { steering, told, takenUp } = create();
  steering.say(a);
  steering.say(b);
  expect(told).toEqual([]);
  const begun = steering.toolBegins();
  expect(told).toEqual([a, b]);
  for (const id of ['a', 'b']) steering.hear(lifecycle(id, 'queued'));
  await begun;
  expect(steering.isHeard).toBe(false);
  for (const id of ['a', 'a', 'b', 'other']) steering.hear(lifecycle(id, 'started'));
  expect(takenUp).toEqual(['a', 'b']);
  expect(steering.isHeard).toBe(true);
});

it('sends a message at once while a tool is running', () => {
  const { steering, told, tool } = create();
  tool.isAtWork = true;
  steering.say(a);
  expect(told).toEqual([a]);
});

it('neither counts a message as taken up nor sends one after the result', async () => {
  const { steering, told, takenUp, tool } = create();
  tool.isAtWork = true;
  steering.say(a);
  steering.hear({ type: 'result' });
  steering.hear(lifecycle('a', 'started'));
  steering.say(b);
  await steering.toolBegins();
  expect(told).toEqual([a]);
  expect(takenUp).toEqual([]);
  expect(steering.isHeard).toBe(false);
});
