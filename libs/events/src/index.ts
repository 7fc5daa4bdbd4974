export { type AsterismEvent, type EventKind, type EventOf, type EventPayloads, event, lifecycle, type Lifecycle } from './event.js';
export { type EventBus, type EventHandler, type Subscription, EventBusToken } from './event-bus.js';
export { LocalEventBus } from './local-event-bus.js';
