export * from './cluster.js';
export * from './instances.js';
export * from './storage.js';
export * from './projects.js';
export * from './images.js';
export * from './server.js';
