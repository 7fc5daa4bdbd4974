import type { Instances, agentBackups, backups, common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Creation } from './create/creation.js';
import { Neighbours } from './lists/neighbours.js';
import { Reads } from './lists/reads.js';
import { Power } from './power/power.js';
import { Sessions } from './sessions/sessions.js';
import { Kept } from './snapshots/kept.js';
import { Changes } from './update/changes.js';

/** The service's contract; each subject has its own class. */
@Injectable()
export class InstancesHandler implements Instances {
  constructor(
    @Inject(Reads) private readonly reads: Reads,
    @Inject(Neighbours) private readonly neighbours: Neighbours,
    @Inject(Creation) private readonly creation: Creation,
    @Inject(Power) private readonly power: Power,
    @Inject(Changes) private readonly changes: Changes,
    @Inject(Kept) private readonly kept: Kept,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  list(call: CallContext, request: instances.ListInstances): Promise<common.Document> {
    return this.reads.list(call, request);
  }
  get(_call: CallContext, request: instances.InstanceRef): Promise<common.Document> {
    return this.reads.get(request);
  }
  getFull(call: CallContext, request: instances.InstanceRef): Promise<common.Document> {
    return this.reads.getFull(call, request);
  }
  getState(call: CallContext, request: instances.InstanceRef): Promise<common.Document> {
    return this.reads.getState(call, request);
  }
  create(call: CallContext, request: instances.CreateInstance): Promise<common.OperationAnswer> {
    return this.creation.create(call, request);
  }
  replace(call: CallContext, request: instances.UpdateInstance): Promise<common.OperationAnswer> {
    return this.changes.replace(call, request);
  }
  async patch(call: CallContext, request: instances.UpdateInstance): Promise<common.Empty> {
    await this.changes.patch(call, request);
    return {};
  }
  rename(call: CallContext, request: instances.RenameInstance): Promise<common.OperationAnswer> {
    return this.changes.rename(call, request);
  }
  delete(call: CallContext, request: instances.InstanceRef): Promise<common.OperationAnswer> {
    return this.power.delete(call, request);
  }
  changeState(call: CallContext, request: instances.ChangeStateRequest): Promise<common.OperationAnswer> {
    return this.power.change(call, request);
  }
  changeStates(call: CallContext, request: instances.ChangeStatesRequest): Promise<common.OperationAnswer> {
    return this.power.changeMany(call, request);
  }
  exec(call: CallContext, request: instances.ExecRequest): Promise<instances.SessionAnswer> {
    return this.sessions.exec(call, request);
  }
  console(call: CallContext, request: instances.ConsoleRequest): Promise<instances.SessionAnswer> {
    return this.sessions.console(call, request);
  }
  listSnapshots(_call: CallContext, request: instances.ListSnapshotsRequest): Promise<common.Document> {
    return this.kept.snapshots.list(request);
  }
  getSnapshot(_call: CallContext, request: instances.SnapshotRef): Promise<common.Document> {
    return this.kept.snapshots.get(request);
  }
  createSnapshot(call: CallContext, request: instances.CreateSnapshotRequest): Promise<common.OperationAnswer> {
    return this.kept.snapshots.create(call, request);
  }
  updateSnapshot(call: CallContext, request: instances.UpdateSnapshotRequest): Promise<common.OperationAnswer> {
    return this.kept.snapshots.update(call, request);
  }
  renameSnapshot(call: CallContext, request: instances.RenameSnapshotRequest): Promise<common.OperationAnswer> {
    return this.kept.snapshots.rename(call, request);
  }
  deleteSnapshot(call: CallContext, request: instances.SnapshotRef): Promise<common.OperationAnswer> {
    return this.kept.snapshots.delete(call, request);
  }
  listBackups(_call: CallContext, request: instances.ListBackupsRequest): Promise<common.Document> {
    return this.kept.backups.list(request);
  }
  getBackup(_call: CallContext, request: instances.BackupRef): Promise<common.Document> {
    return this.kept.backups.get(request);
  }
  createBackup(call: CallContext, request: instances.CreateBackupRequest): Promise<common.OperationAnswer> {
    return this.kept.backups.create(call, request);
  }
  renameBackup(call: CallContext, request: instances.RenameBackupRequest): Promise<common.OperationAnswer> {
    return this.kept.backups.rename(call, request);
  }
  deleteBackup(call: CallContext, request: instances.BackupRef): Promise<common.OperationAnswer> {
    return this.kept.backups.delete(call, request);
  }
  exportBackup(call: CallContext, request: instances.BackupRef): AsyncIterable<agentBackups.BackupFile> {
    return this.kept.backups.export(call, request);
  }
  importBackup(call: CallContext, frames: AsyncIterable<backups.BackupUpload>): Promise<common.OperationAnswer> {
    return this.kept.backups.import(call, frames);
  }
  locate(_call: CallContext, request: instances.InstanceRef): Promise<instances.Location> {
    return this.neighbours.locate(request);
  }
  usedBy(call: CallContext, request: instances.UsedByRequest): Promise<common.UsedByMany> {
    return this.neighbours.usedBy(call, request);
  }
  async applyProfile(call: CallContext, request: instances.ProfileChanged): Promise<common.Empty> {
    await this.changes.applyProfile(call, request);
    return {};
  }
  async requireVolumeStill(call: CallContext, request: instances.VolumeMoved): Promise<common.Empty> {
    await this.kept.volumes.requireStill(call, request);
    return {};
  }
  async followVolume(call: CallContext, request: instances.VolumeMoved): Promise<common.Empty> {
    await this.kept.volumes.follow(call, request);
    return {};
  }
  usage(_call: CallContext, request: instances.ProjectUsageRequest): Promise<instances.ProjectUsage> {
    return this.neighbours.usage(request);
  }
  nics(_call: CallContext, request: instances.UsedByRequest): Promise<common.Document> {
    return this.neighbours.nics(request);
  }
}
