import { LxdError } from '@asterism/errors';

/** Nobody answered: the process at the other end went away, or was not there. What was asked may have been done all the same, unless it was never sent. */
export class LostCall extends LxdError {
  constructor(
    message: string,
    options?: { cause?: unknown },
    /** There was no connection: nobody has heard of it, and it may be asked again whatever it was. */
    readonly unsent = false,
  ) {
    super('unavailable', message, options);
  }
}
