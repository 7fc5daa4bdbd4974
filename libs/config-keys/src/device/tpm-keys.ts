import type { KeyTable } from '../key.js';
import { notEmpty } from '../validators.js';

/** Options of tpm devices (for container, VM). */
export const tpmKeys = {
  path: { name: 'path', type: 'string', description: 'Node path inside', validate: notEmpty, required: true, live: 'no', condition: 'container' },
  pathrm: { name: 'pathrm', type: 'string', description: 'Path inside of the node with a resource manager', validate: notEmpty, required: true, live: 'no', condition: 'container' },
} satisfies KeyTable;
