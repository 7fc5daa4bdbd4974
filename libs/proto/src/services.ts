import type { Service, ServiceDefinition } from '@asterism/rpc';
import { OperationsDefinition } from './generated/asterism/operations/v1/operations.js';
import { IdempotencyDefinition } from './generated/asterism/operations/v1/idempotency.js';
import { ProjectsDefinition } from './generated/asterism/projects/v1/projects.js';
import { ProfilesDefinition } from './generated/asterism/projects/v1/profiles.js';
import { CertificatesDefinition } from './generated/asterism/projects/v1/certificates.js';
import { WarningsDefinition } from './generated/asterism/warnings/v1/warnings.js';
import { ClusterDefinition, ClusterGroupsDefinition } from './generated/asterism/cluster/v1/cluster.js';
import { InstanceVolumesDefinition, StoragePoolsDefinition, StorageVolumesDefinition } from './generated/asterism/storage/v1/storage.js';
import { NetworksDefinition } from './generated/asterism/networks/v1/networks.js';
import { ImageReplicasDefinition, ImagesDefinition } from './generated/asterism/images/v1/images.js';
import { EvacuationsDefinition, InstanceMetricsDefinition, InstancesDefinition } from './generated/asterism/instances/v1/instances.js';
import { AgentInstancesDefinition } from './generated/asterism/agent/v1/instances.js';
import { AgentFilesDefinition } from './generated/asterism/agent/v1/files.js';
import { AgentStorageDefinition } from './generated/asterism/agent/v1/storage.js';
import { AgentNetworksDefinition } from './generated/asterism/agent/v1/networks.js';
import { AgentImagesDefinition } from './generated/asterism/agent/v1/images.js';
import { AgentBackupsDefinition } from './generated/asterism/agent/v1/backups.js';
import { AgentHostDefinition } from './generated/asterism/agent/v1/host.js';

/** Which deployable serves which proto services. The proto service's full name is its token for injection. */
export const deployables = {
  operations: [OperationsDefinition, IdempotencyDefinition],
  projects: [ProjectsDefinition, ProfilesDefinition, CertificatesDefinition],
  warnings: [WarningsDefinition],
  cluster: [ClusterDefinition, ClusterGroupsDefinition],
  storage: [StoragePoolsDefinition, StorageVolumesDefinition, InstanceVolumesDefinition],
  networks: [NetworksDefinition],
  images: [ImagesDefinition, ImageReplicasDefinition],
  instances: [InstancesDefinition, InstanceMetricsDefinition, EvacuationsDefinition],
} as const satisfies Record<string, readonly ServiceDefinition[]>;

export type Deployable = keyof typeof deployables;

/** What every node-agent serves. */
export const agentDefinitions = {
  instances: AgentInstancesDefinition,
  files: AgentFilesDefinition,
  storage: AgentStorageDefinition,
  networks: AgentNetworksDefinition,
  images: AgentImagesDefinition,
  backups: AgentBackupsDefinition,
  host: AgentHostDefinition,
} as const satisfies Record<string, ServiceDefinition>;

/** The services of one agent, by domain. */
export type Agent = { [K in keyof typeof agentDefinitions]: Service<(typeof agentDefinitions)[K]> };

export type Operations = Service<typeof OperationsDefinition>;
export type Idempotency = Service<typeof IdempotencyDefinition>;
export type Projects = Service<typeof ProjectsDefinition>;
export type Profiles = Service<typeof ProfilesDefinition>;
export type Certificates = Service<typeof CertificatesDefinition>;
export type Warnings = Service<typeof WarningsDefinition>;
export type Cluster = Service<typeof ClusterDefinition>;
export type ClusterGroups = Service<typeof ClusterGroupsDefinition>;
export type StoragePools = Service<typeof StoragePoolsDefinition>;
export type StorageVolumes = Service<typeof StorageVolumesDefinition>;
export type InstanceVolumes = Service<typeof InstanceVolumesDefinition>;
export type Networks = Service<typeof NetworksDefinition>;
export type ImageReplicas = Service<typeof ImageReplicasDefinition>;
export type Images = Service<typeof ImagesDefinition>;
export type Evacuations = Service<typeof EvacuationsDefinition>;
export type InstanceMetrics = Service<typeof InstanceMetricsDefinition>;
export type Instances = Service<typeof InstancesDefinition>;

/** Injection tokens: `@Inject(Token.Instances) instances: Instances`. */
export const Token = {
  Operations: OperationsDefinition.fullName,
  Idempotency: IdempotencyDefinition.fullName,
  Projects: ProjectsDefinition.fullName,
  Profiles: ProfilesDefinition.fullName,
  Certificates: CertificatesDefinition.fullName,
  Warnings: WarningsDefinition.fullName,
  Cluster: ClusterDefinition.fullName,
  ClusterGroups: ClusterGroupsDefinition.fullName,
  StoragePools: StoragePoolsDefinition.fullName,
  StorageVolumes: StorageVolumesDefinition.fullName,
  InstanceVolumes: InstanceVolumesDefinition.fullName,
  Networks: NetworksDefinition.fullName,
  ImageReplicas: ImageReplicasDefinition.fullName,
  Images: ImagesDefinition.fullName,
  Evacuations: EvacuationsDefinition.fullName,
  InstanceMetrics: InstanceMetricsDefinition.fullName,
  Instances: InstancesDefinition.fullName,
} as const;
