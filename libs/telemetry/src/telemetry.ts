import { watchWith, type CallContext, type Watched, type Watcher, type Work } from '@asterism/rpc';
import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { createLogger } from './logger.js';
import { SpanExporter } from './span-exporter.js';
import { beginSpan } from './spans.js';

export interface TelemetryOptions {
  /** host:port of the process's own metrics; unset: none. */
  metricsListen: string | undefined;
  /** Base URL of an OTLP collector (HTTP); unset: no traces leave. */
  otlpEndpoint: string | undefined;
  serviceName: string;
}

export interface Telemetry {
  close(): Promise<void>;
}

/** Metrics and traces of this process, where they are asked for; else nothing is watched and nothing is loaded. */
export async function startTelemetry({ metricsListen, otlpEndpoint, serviceName }: TelemetryOptions): Promise<Telemetry> {
  const metrics = metricsListen ? await workMetrics() : undefined;
  const server = metrics && metricsListen ? serveMetrics(metrics.registry, metricsListen) : undefined;
  const exporter = otlpEndpoint ? new SpanExporter(otlpEndpoint, serviceName) : undefined;
  if (metrics || exporter) watchWith(watcher(metrics?.observe, exporter));
  return {
    async close() {
      watchWith(undefined);
      server?.close();
      server?.closeAllConnections();
      await exporter?.close();
    },
  };
}

type Observe = (work: Work, outcome: string, seconds: number) => void;

function watcher(observe: Observe | undefined, exporter: SpanExporter | undefined): Watcher {
  return {
    begin<C extends CallContext | undefined>(work: Work, call: C): Watched<C> {
      const startMs = performance.now();
      const traced = exporter && beginSpan(work, call);
      return {
        call: traced?.call ?? call,
        end(outcome) {
          const tookMs = performance.now() - startMs;
          observe?.(work, outcome, tookMs / 1000);
          if (!traced) return;
          const { span } = traced;
          exporter.add({ ...span, endMs: span.startMs + tookMs, attributes: { ...span.attributes, 'asterism.outcome': outcome }, failed: !/^(ok|[1-4]\d\d)$/.test(outcome) });
        },
      };
    },
  };
}

async function workMetrics(): Promise<{ registry: Registry; observe: Observe }> {
  const { collectDefaultMetrics, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const histogram = (kind: Work['kind'], help: string) =>
    new Histogram({ name: `asterism_${kind}_seconds`, help, labelNames: ['name', 'outcome'], buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60], registers: [registry] });
  const histograms: Record<Work['kind'], ReturnType<typeof histogram>> = {
    request: histogram('request', 'Requests of the API, by method and route; the outcome is the status.'),
    call: histogram('call', 'Calls that this process served to services, by method.'),
    step: histogram('step', 'Steps of durable tasks.'),
    command: histogram('command', 'Commands of the host.'),
  };
  return { registry, observe: ({ kind, name }, outcome, seconds) => histograms[kind].observe({ name, outcome }, seconds) };
}

function serveMetrics(registry: Registry, listen: string): Server {
  const separator = listen.lastIndexOf(':');
  const logger = createLogger('telemetry');
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'Content-Type': registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.on('error', (error) => logger.error({ err: error }, `metrics are not served on ${listen}`));
  server.listen({ host: listen.slice(0, separator).replace(/^\[|\]$/g, ''), port: Number(listen.slice(separator + 1)) });
  server.unref();
  return server;
}
