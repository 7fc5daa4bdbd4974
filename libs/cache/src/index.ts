export { type Cache, CacheToken } from './cache.js';
export { LocalCache } from './local-cache.js';
export { RedisCache } from './redis-cache.js';
