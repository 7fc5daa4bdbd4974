export { instancesService } from './instances-service.js';
export { ticketKey, type SessionTicket } from './sessions/sessions.js';
