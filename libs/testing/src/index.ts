export { startTestPostgres, type TestPostgres } from './test-postgres.js';
export { composeForTest, type TestComposition, type TestServices } from './compose-for-test.js';
export { fakeOperations } from './fake-operations.js';
