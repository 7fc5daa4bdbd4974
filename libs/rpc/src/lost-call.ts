import { LxdError } from '@asterism/errors';

/** Nobody answered: the process at the other end went away, or was not there. What was asked may have been done all the same. */
export class LostCall extends LxdError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('unavailable', message, options);
  }
}
