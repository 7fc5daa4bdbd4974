import type { KeyTable } from '../key.js';

/** Options of tpm devices (for container, VM). */
export const tpmKeys = {
  path: { name: 'path', type: 'string', description: 'Node path inside', live: 'no', condition: 'docs: containers only; code: always' },
} satisfies KeyTable;
