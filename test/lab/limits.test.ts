import { describe } from 'vitest';
import { laboratory } from './lab.js';
import { limitsReadBack } from './limits.js';

const lab = laboratory();

describe('limits with cgroup v2 alone', () => {
  limitsReadBack(() => lab, 'v2');
});
