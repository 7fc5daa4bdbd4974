export { defineTask, type TaskDefinition, type Step, type StepContext, type OperationSpec } from './definition.js';
export { Tasks, type TasksOptions } from './tasks.js';
export { progressOf, progressWords, stageWords, type Count } from './progress.js';
