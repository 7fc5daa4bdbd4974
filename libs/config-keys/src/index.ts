export {
  findKey,
  invalidReason,
  isFalse,
  isTrue,
  isTrueKey,
  keyFor,
  validateConfig,
  valueOf,
  type ConfigKey,
  type ConfigWords,
  type KeyTable,
} from './key.js';
export { parseBitRate, parseSize } from './size.js';
export * as validators from './validators.js';
export type { Validator } from './validators.js';
export * as addresses from './addresses.js';
