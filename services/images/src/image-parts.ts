import { Agents } from '@asterism/agents';
import { Token, type InstanceVolumes, type Instances, type Projects } from '@asterism/proto';
import { Inject, Injectable } from '@nestjs/common';

/** What the steps of images' tasks work with. */
@Injectable()
export class ImageParts {
  constructor(
    @Inject(Agents) readonly agents: Agents,
    @Inject(Token.Projects) readonly projects: Projects,
    @Inject(Token.Instances) readonly instances: Instances,
    @Inject(Token.InstanceVolumes) readonly volumes: InstanceVolumes,
  ) {}
}
