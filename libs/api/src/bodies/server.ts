import { anything, map, optional, struct, text } from '../schema.js';

export const updateServerBody = struct('ServerPut', { config: map(anything) });

export const createNetworkBody = struct('NetworksPost', { name: text, type: text, description: text, config: map(text) });
export const updateNetworkBody = struct('NetworkPut', { description: optional(text), config: map(text) });
export const renameNetworkBody = struct('NetworkPost', { name: text });

export const updateWarningBody = struct('WarningPut', { status: text });
