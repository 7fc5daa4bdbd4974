import { Inject, Injectable } from '@nestjs/common';
import { InstanceBackups } from '../backups/instance-backups.js';
import { Snapshots } from './snapshots.js';

/** What is kept of instances as they once were: on their own storage, and in files. */
@Injectable()
export class Kept {
  constructor(
    @Inject(Snapshots) readonly snapshots: Snapshots,
    @Inject(InstanceBackups) readonly backups: InstanceBackups,
  ) {}
}
