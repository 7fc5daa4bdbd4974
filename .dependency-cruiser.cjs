/** Boundaries of the constellation; each rule says why. Run by `npm run lint`, over what was compiled: types bind nobody. */
const inService = '^services/([^/]+)/';

module.exports = {
  forbidden: [
    {
      name: 'services-do-not-import-services',
      comment: 'Services meet through proto contracts only; standalone alone puts them into one process.',
      severity: 'error',
      from: { path: inService, pathNot: '^services/standalone/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'libs-do-not-import-services',
      comment: 'Libraries are below services.',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^services/' },
    },
    {
      name: 'grpc-in-rpc-only',
      comment: 'One place knows the wire; everybody else sees Service<D>.',
      severity: 'error',
      from: { pathNot: '^libs/rpc/' },
      to: { path: 'node_modules/@grpc/' },
    },
    {
      name: 'database-connections-in-database-only',
      comment: 'Units of work and outbox cannot be bypassed. Entities may use the decorators of TypeORM.',
      severity: 'error',
      from: { pathNot: '^libs/database/' },
      to: { path: 'node_modules/pg/' },
    },
    {
      name: 'nats-in-events-only',
      comment: 'Services publish and consume typed events; the bus is one of two bindings.',
      severity: 'error',
      from: { pathNot: '^libs/events/' },
      to: { path: 'node_modules/@nats-io/' },
    },
    {
      name: 'processes-in-host-only',
      comment: 'The node-agent’s Host is the only place that touches the operating system. The embedded PostgreSQL and the tools that start servers are no part of it.',
      severity: 'error',
      from: { path: '^(services|libs)/', pathNot: '(^services/node-agent/dist/host/|^libs/database/dist/embedded-postgres|[.]test[.]js$)' },
      to: { path: '^(node:)?child_process$', dependencyTypes: ['core'] },
    },
    {
      name: 'errors-and-config-keys-stand-alone',
      comment: 'They are vocabulary: everything may use them, they use nothing.',
      severity: 'error',
      from: { path: '^libs/(errors|config-keys)/', pathNot: '[.]test[.]js$' },
      to: { path: '^(libs|services)/', pathNot: '^libs/(errors|config-keys)/' },
    },
    {
      name: 'no-circles',
      comment: 'A circle has no beginning to read from.',
      severity: 'error',
      from: { pathNot: 'generated/' },
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/generated/' },

    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'default'] },
  },
};
