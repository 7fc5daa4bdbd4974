import { LxdError } from '@asterism/errors';

/** A refusal that belongs to the operation: the request is answered with an operation, and that one fails with this message. */
export class Refused extends LxdError {
  constructor(message: string) {
    super('bad-request', message);
  }
}

/** Another change of the instance is in flight. */
export class InstanceBusy extends Refused {
  constructor(action: string) {
    super(`Instance is busy running a "${action}" operation`);
  }
}
