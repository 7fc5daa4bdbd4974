import { Inject, Injectable } from '@nestjs/common';
import { InstanceBackups } from '../backups/instance-backups.js';
import { AttachedVolumes } from '../volumes/attached-volumes.js';
import { Snapshots } from './snapshots.js';

/** What is kept of and for instances: as they once were, on their own storage and in files, and on volumes beside it. */
@Injectable()
export class Kept {
  constructor(
    @Inject(Snapshots) readonly snapshots: Snapshots,
    @Inject(InstanceBackups) readonly backups: InstanceBackups,
    @Inject(AttachedVolumes) readonly volumes: AttachedVolumes,
  ) {}
}
