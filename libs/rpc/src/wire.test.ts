import { Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { LxdError } from '@asterism/errors';
import { describe, expect, it } from 'vitest';
import { LostCall } from './lost-call.js';
import { fromStatus, toStatus } from './wire.js';

function received(code: status, details: string, metadata = new Metadata()): ServiceError {
  return Object.assign(new Error(details), { code, details, metadata });
}

describe('a call whose connection ended', () => {
  it.each([
    [status.UNAVAILABLE, 'Connection dropped'],
    [status.INTERNAL, 'Received RST_STREAM with code 2 triggered by internal client error: write EPIPE'],
    [status.INTERNAL, 'Received RST_STREAM with code 0 (Call ended without gRPC status)'],
    [status.CANCELLED, 'Call cancelled'],
  ])('is lost, however that is told: %s %s', (code, details) => {
    expect(fromStatus(received(code, details))).toBeInstanceOf(LostCall);
  });

  it('was never sent where there was no connection, or a handler would not hear of it', () => {
    expect(fromStatus(received(status.UNAVAILABLE, 'No connection established. Last error: connect ECONNREFUSED'))).toMatchObject({ unsent: true });
    expect(fromStatus(received(status.UNAVAILABLE, 'Connection dropped'))).toMatchObject({ unsent: false });
    const refused = toStatus(new LostCall('about to end', {}, true));
    expect(fromStatus(received(refused.code!, refused.details!, refused.metadata))).toMatchObject({ unsent: true });
    const passedOn = toStatus(fromStatus(received(status.UNAVAILABLE, 'No connection established')));
    expect(fromStatus(received(passedOn.code!, passedOn.details!, passedOn.metadata))).not.toBeInstanceOf(LostCall);
  });

  it('is not lost where its caller went away, or where it was answered', () => {
    expect(fromStatus(received(status.CANCELLED, 'Cancelled on client'))).toMatchObject({ kind: 'cancelled' });
    const answered = toStatus(new LxdError('unavailable', 'later'));
    expect(fromStatus(received(answered.code!, answered.details!, answered.metadata!))).not.toBeInstanceOf(LostCall);
  });
});
