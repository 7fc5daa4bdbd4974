import { certificates, profiles, projects } from '@asterism/proto';
import { defineService } from '@asterism/service';
import { CertificateStore } from './certificates/certificate.store.js';
import { CertificatesHandler } from './certificates/certificates.handler.js';
import { JoinTokens } from './certificates/join-tokens.js';
import { AdmissionStore } from './gate/admission.store.js';
import { Gate } from './gate/gate.js';
import { ProjectInstances } from './gate/project-instances.js';
import { projectsSchema } from './migrations/001-projects.js';
import { admissionsSchema } from './migrations/002-admissions.js';
import { leavingProfiles } from './migrations/003-leaving-profiles.js';
import { leavingProjects } from './migrations/004-leaving-projects.js';
import { metricsCertificates } from './migrations/005-metrics-certificates.js';
import { ProfileScope } from './profiles/profile-scope.js';
import { ProfileSurroundings } from './profiles/profile-surroundings.js';
import { ProfileStore } from './profiles/profile.store.js';
import { ProfilesHandler } from './profiles/profiles.handler.js';
import { ProjectReports } from './projects/project-reports.js';
import { ProjectUsers } from './projects/project-users.js';
import { ProjectStore } from './projects/project.store.js';
import { ProjectsHandler } from './projects/projects.handler.js';
import { ProjectRename } from './projects/rename-project.js';
import { VacantProject } from './projects/vacant-project.js';
import { Volumes } from './projects/volumes.js';

/** Projects and their rules, profiles, and the trust store. */
export const projectsService = defineService({
  name: 'projects',
  providers: [
    ...[ProjectsHandler, ProjectStore, ProjectUsers, ProjectReports, ProjectRename, VacantProject, Volumes],
    ...[Gate, ProjectInstances, AdmissionStore],
    ...[ProfilesHandler, ProfileStore, ProfileScope, ProfileSurroundings],
    ...[CertificatesHandler, CertificateStore, JoinTokens],
  ],
  handlers: [
    [projects.ProjectsDefinition, ProjectsHandler],
    [profiles.ProfilesDefinition, ProfilesHandler],
    [certificates.CertificatesDefinition, CertificatesHandler],
  ],
  migrations: [projectsSchema, admissionsSchema, leavingProfiles, leavingProjects, metricsCertificates],
  start: (app) => app.get(AdmissionStore, { strict: false }).follow(),
});
