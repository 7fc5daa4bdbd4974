import { LxdError } from '@asterism/errors';
import { LostCall } from '@asterism/rpc';
import type { ExecutionContext } from '@nestjs/common';
import { defer, firstValueFrom } from 'rxjs';
import { expect, test } from 'vitest';
import { AskAgain } from './ask-again.js';

function asked(method: string, answers: (string | Error)[], headersSent = false): { answer: Promise<unknown>; times(): number } {
  let times = 0;
  const context = { switchToHttp: () => ({ getRequest: () => ({ method }), getResponse: () => ({ raw: { headersSent } }) }) } as unknown as ExecutionContext;
  const handle = () =>
    defer(async () => {
      const answer = answers[times++];
      if (answer instanceof Error) throw answer;
      return answer;
    });
  return { answer: firstValueFrom(new AskAgain().intercept(context, { handle })), times: () => times };
}

test('a read whose service was replaced is asked again', async () => {
  const { answer, times } = asked('GET', [new LostCall('gone'), new LostCall('gone'), 'here']);
  expect(await answer).toBe('here');
  expect(times()).toBe(3);
});

test.each([
  ['a write, which may have been done', 'POST', new LostCall('gone'), false],
  ['what a service says itself', 'GET', new LxdError('unavailable', 'Cluster member "m2" is not available'), false],
  ['an answer that has begun', 'GET', new LostCall('gone'), true],
])('%s is not asked again', async (_what, method, error, headersSent) => {
  const { answer, times } = asked(method, [error, 'here'], headersSent);
  await expect(answer).rejects.toBe(error);
  expect(times()).toBe(1);
});
