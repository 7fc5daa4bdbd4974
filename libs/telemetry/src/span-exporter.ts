import { exportRequest, type Span } from './spans.js';

const everyMs = 2_000;
const batchSize = 512;
/** What a collector that is away costs at most. */
const maxWaiting = 4_096;
const patienceMs = 10_000;

/** Sends spans to a collector by OTLP over HTTP, in batches; never in the way of the work. */
export class SpanExporter {
  readonly #waiting: Span[] = [];
  readonly #timer: NodeJS.Timeout;
  #sending: Promise<void> | undefined;

  /** @param endpoint OTEL_EXPORTER_OTLP_ENDPOINT, e.g. http://127.0.0.1:4318 */
  constructor(
    private readonly endpoint: string,
    private readonly serviceName: string,
  ) {
    this.#timer = setInterval(() => void this.flush(), everyMs).unref();
  }

  add(span: Span): void {
    if (this.#waiting.length < maxWaiting) this.#waiting.push(span);
  }

  async flush(): Promise<void> {
    await this.#sending;
    this.#sending = this.#send();
    await this.#sending;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** Spans of a batch that the collector does not take are lost. */
  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, batchSize);
      const body = JSON.stringify(exportRequest(this.serviceName, batch));
      const sent = await fetch(`${this.endpoint.replace(/\/$/, '')}/v1/traces`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, signal: AbortSignal.timeout(patienceMs) }).catch(() => undefined);
      await sent?.arrayBuffer().catch(() => undefined);
      if (!sent?.ok) return;
    }
  }
}
