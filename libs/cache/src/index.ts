export { type Cache, CacheToken } from './cache.js';
export { LocalCache } from './local-cache.js';
