import { Token, type InstanceMetrics, type Operations } from '@asterism/proto';
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { callOf, query, visibleProjects, type ApiRequest } from '../request.js';

/** What instances use, for Prometheus; LXD's own format. */
@Controller('1.0/metrics')
export class MetricsController {
  constructor(
    @Inject(Token.InstanceMetrics) private readonly instances: InstanceMetrics,
    @Inject(Token.Operations) private readonly operations: Operations,
  ) {}

  @Get()
  async scrape(@Req() request: ApiRequest, @Res() reply: FastifyReply): Promise<void> {
    const call = callOf(request);
    const visible = visibleProjects(request.identity);
    const asked = query(request, 'project');
    const [{ text }, running] = await Promise.all([
      this.instances.render(call, { projects: asked === '' ? visible : [asked] }),
      this.operations.list(call, { project: asked, all_projects: asked === '', recursion: 0, visible_projects: visible }),
    ]);
    const { running: urls = [] } = JSON.parse(running.json.toString()) as { running?: string[] };
    await reply.code(200).header('Content-Type', 'text/plain; version=0.0.4').send(Buffer.concat([text, Buffer.from(serverMetrics(urls.length))]));
  }
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
