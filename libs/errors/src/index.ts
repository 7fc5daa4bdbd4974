export { LxdError, fromUnknown, isLxdError, isKind, errorKinds, type ErrorKind } from './lxd-error.js';
