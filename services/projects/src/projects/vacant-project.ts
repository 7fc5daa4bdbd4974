import { Inject, Injectable } from '@nestjs/common';
import { Token, type Images, type StorageVolumes } from '@asterism/proto';
import type { CallContext } from '@asterism/rpc';
import { isEmptyProject, ProjectUsers } from './project-users.js';
import { ProjectStore, type ProjectRow } from './project.store.js';

/**
 * Work that only an empty project allows: its end, another name, other features. The project is looked at, marked, and looked at again; who makes
 * something in it writes a row first and then asks whether the project stays. So one of the two sees the other (ADR 24).
 */
@Injectable()
export class VacantProject {
  constructor(
    @Inject(ProjectStore) private readonly projects: ProjectStore,
    @Inject(ProjectUsers) private readonly users: ProjectUsers,
    @Inject(Token.Images) private readonly images: Images,
    @Inject(Token.StorageVolumes) private readonly volumes: StorageVolumes,
  ) {}

  /** `refused` throws where the project is not empty. Whatever comes of the work, the project stays marked no longer than that. */
  async during<T>(call: CallContext, project: ProjectRow, refused: () => never, work: () => Promise<T>): Promise<T> {
    if (!(await this.#isEmpty(call, project))) refused();
    await this.projects.leave(project.id);
    try {
      if (!(await this.#isEmpty(call, project)) || (await this.#isBeingFilled(call, project.name))) refused();
      return await work();
    } finally {
      await this.projects.stay(project.id).catch(() => undefined);
    }
  }

  async #isEmpty(call: CallContext, project: ProjectRow): Promise<boolean> {
    return isEmptyProject((await this.users.usedBy(call, [project])).get(project.name) ?? []);
  }

  /** What lists do not show yet. */
  async #isBeingFilled(call: CallContext, project: string): Promise<boolean> {
    const held = await Promise.all([this.images.holds(call, { project }), this.volumes.holds(call, { project })]);
    return held.some(({ any }) => any);
  }
}
