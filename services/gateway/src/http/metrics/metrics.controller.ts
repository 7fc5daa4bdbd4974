import { Readable } from 'node:stream';
import { Token, type InstanceMetrics, type instances, type Operations } from '@asterism/proto';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { abortableCallOf, query, visibleProjects, type ApiRequest } from '../request.js';

/** What instances use, for Prometheus; LXD's own format. */
@Controller('1.0/metrics')
export class MetricsController {
  constructor(
    @Inject(Token.InstanceMetrics) private readonly instances: InstanceMetrics,
    @Inject(Token.Operations) private readonly operations: Operations,
  ) {}

  @Get()
  async scrape(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const call = abortableCallOf(request);
    const visible = visibleProjects(request.identity);
    const asked = query(request, 'project');
    const pieces = this.instances.render(call, { projects: asked === '' ? visible : [asked] })[Symbol.asyncIterator]();
    // What fails does so before the first piece.
    const [first, running] = await Promise.all([
      pieces.next(),
      this.operations.list(call, { project: asked, all_projects: asked === '', recursion: 0, visible_projects: visible }),
    ]);
    const { running: urls = [] } = JSON.parse(running.json.toString()) as { running?: string[] };
    await reply.code(200).header('Content-Type', 'text/plain; version=0.0.4').send(Readable.from(inPieces(first, pieces, serverMetrics(urls.length))));
  }
}

async function* inPieces(first: IteratorResult<instances.MetricsText>, rest: AsyncIterator<instances.MetricsText>, end: string): AsyncIterable<Buffer> {
  for (let piece = first; !piece.done; piece = await rest.next()) yield piece.value.text;
  yield Buffer.from(end);
}

function serverMetrics(operations: number): string {
  return `# HELP lxd_operations_total The number of running operations.
# TYPE lxd_operations_total gauge
lxd_operations_total ${operations}
# HELP lxd_uptime_seconds The daemon uptime in seconds.
# TYPE lxd_uptime_seconds gauge
lxd_uptime_seconds ${Math.round(process.uptime())}
# EOF
`;
}
