import { apiUrl, etag, requireMatch } from '@asterism/api';
import { LxdError } from '@asterism/errors';
import type { common, instances } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { Inject, Injectable } from '@nestjs/common';
import { Admission } from '../admission.js';
import type { InstanceRow, SnapshotRow } from '../instance.js';
import { InstanceTasks } from '../instance-tasks.js';
import { DocumentStore } from '../lists/document.store.js';
import { refOf } from '../power/power.js';
import { TaskParts } from '../task-parts.js';
import { acceptSnapshot, type SnapshotInput } from './snapshot-tasks.js';
import { rendered } from '../lists/rendered.js';

/** Snapshots of instances. */
@Injectable()
export class Snapshots {
  constructor(
    @Inject(InstanceTasks) private readonly definitions: InstanceTasks,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(TaskParts) private readonly parts: TaskParts,
    @Inject(DocumentStore) private readonly documents: DocumentStore,
  ) {}

  async list(request: instances.ListSnapshotsRequest): Promise<common.Document> {
    const { project, name, view } = refOf(request.instance);
    const row = await this.parts.instances.get(project, name, view);
    if (request.recursion > 0) return rendered((await this.documents.snapshotLists({ projects: [project], type: '', name })).get(row.id) ?? '[]');
    const snapshots = await this.parts.snapshots.of(row.id);
    return rendered(JSON.stringify(snapshots.map((snapshot) => apiUrl([view || 'instances', name, 'snapshots', snapshot.name], { project }))));
  }

  async get(request: instances.SnapshotRef): Promise<common.Document> {
    const { row, snapshot } = await this.find(request);
    return rendered((await this.documents.snapshot(row.id, snapshot.name)) ?? 'null', etag(etagOf(snapshot)));
  }

  async create(call: CallContext, request: instances.CreateSnapshotRequest): Promise<common.OperationAnswer> {
    const { project, name, view } = refOf(request.instance);
    if (request.snapshot.includes('/')) throw new LxdError('bad-request', 'Invalid snapshot name: Cannot contain "/"');
    await this.parts.instances.get(project, name, view);
    await this.parts.surroundings.checkSnapshot(call, project);
    const wish = { project, name, snapshot: request.snapshot, stateful: request.stateful, expiresAtMs: request.expires_at_ms };
    return this.admission.open(call, this.definitions.createSnapshot, {
      input: wish,
      view,
      busy: 'snapshot',
      description: 'Snapshotting instance',
      accept: (unit, row, task) => acceptSnapshot(this.parts, unit, row, wish, task),
    });
  }

  async update(call: CallContext, request: instances.UpdateSnapshotRequest): Promise<common.OperationAnswer> {
    const { row, snapshot } = await this.find(refOfSnapshot(request.snapshot));
    requireMatch(request.if_match, etagOf(snapshot));
    return this.admission.open(call, this.definitions.updateSnapshot, {
      input: { ...inputOf(row, snapshot), expiresAtMs: request.expires_at_ms },
      busy: 'update',
      description: 'Updating snapshot',
    });
  }

  async rename(call: CallContext, request: instances.RenameSnapshotRequest): Promise<common.OperationAnswer> {
    const { row, snapshot } = await this.find(refOfSnapshot(request.snapshot));
    if (request.new_name.includes('/')) throw new LxdError('bad-request', 'Invalid new snapshot name: Cannot contain "/"');
    if (/[\s\u0000-\u001f]/.test(request.new_name) || ['', '.', '..'].includes(request.new_name)) throw new LxdError('bad-request', `Invalid new snapshot name ${JSON.stringify(request.new_name)}`);
    if ((await this.parts.snapshots.of(row.id)).some((other) => other.name === request.new_name)) {
      throw new LxdError('conflict', `Name '${row.name}/${request.new_name}' already in use`);
    }
    return this.admission.open(call, this.definitions.renameSnapshot, {
      input: { ...inputOf(row, snapshot), newName: request.new_name },
      busy: 'snapshot',
      description: 'Renaming snapshot',
    });
  }

  async delete(call: CallContext, request: instances.SnapshotRef): Promise<common.OperationAnswer> {
    const { row, snapshot } = await this.find(request);
    return this.admission.open(call, this.definitions.deleteSnapshot, { input: inputOf(row, snapshot), busy: 'snapshot', description: 'Deleting snapshot' });
  }

  private async find(ref: instances.SnapshotRef): Promise<{ row: InstanceRow; snapshot: SnapshotRow }> {
    const { project, name, view } = refOf(ref.instance);
    const row = await this.parts.instances.get(project, name, view);
    return { row, snapshot: await this.parts.snapshots.get(row, ref.snapshot) };
  }
}

function inputOf(row: InstanceRow, snapshot: SnapshotRow): SnapshotInput {
  return { project: row.project, name: row.name, snapshot: snapshot.name, snapshotId: snapshot.id };
}

/** What a snapshot's ETag covers. */
function etagOf(snapshot: SnapshotRow): unknown {
  return [snapshot.expires_at?.getTime() ?? 0];
}

function refOfSnapshot(ref: instances.SnapshotRef | undefined): instances.SnapshotRef {
  if (!ref) throw new LxdError('bad-request', 'No snapshot named');
  return ref;
}
