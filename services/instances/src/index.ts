export { instancesService } from './instances-service.js';
