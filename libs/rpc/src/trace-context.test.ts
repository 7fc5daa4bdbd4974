import { describe, expect, it } from 'vitest';
import { traceIdOf, traceOfRequest } from './trace-context.js';

describe('a traceparent', () => {
  it('has a trace id', () => {
    expect(traceIdOf('00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01')).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(traceIdOf('01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more')).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  });

  it('of another form is none', () => {
    for (const text of [undefined, '', 'x', '00-00000000000000000000000000000000-00f067aa0ba902b7-01', '00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01', 'ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01']) {
      expect(traceIdOf(text)).toBeUndefined();
    }
  });

  it('begins with the request where the client brings none', () => {
    expect(traceIdOf(traceOfRequest('4bf92f35-77b3-4da6-a3ce-929d0e0e4736'))).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
  });
});
