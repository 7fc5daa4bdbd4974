import { flag, list, map, optional, struct, text, whole } from '../schema.js';

const memberKey = struct('ClusterMemberConfigKey', { entity: text, name: text, key: text, value: text });

export const clusterBody = struct('ClusterPut', {
  server_name: text,
  enabled: flag,
  member_config: list(memberKey),
  cluster_address: text,
  cluster_certificate: text,
  server_address: text,
  cluster_password: text,
});
export const joinTokenBody = struct('ClusterMembersPost', { server_name: text });
export const memberBody = struct('ClusterMemberPut', { roles: list(text), failure_domain: text, description: text, config: optional(map(text)), groups: optional(list(text)) });
export const memberNameBody = struct('ClusterMemberPost', { server_name: text });
export const memberStateBody = struct('ClusterMemberStatePost', { action: text });
export const groupBody = struct('ClusterGroupsPost', { name: text, description: text, members: list(text) });
export const groupChangeBody = struct('ClusterGroupPut', { description: optional(text), members: optional(list(text)) });
export const groupNameBody = struct('ClusterGroupPost', { name: text });
/** Of this project's own: what a joining server tells a cluster. */
export const acceptMemberBody = struct('AcceptMember', {
  server_name: text,
  server_address: text,
  password: text,
  architecture: text,
  server_version: text,
  api_extensions: whole('int'),
  member_config: list(memberKey),
  join: text,
  cluster_address: text,
});

/** What a server that could not join takes its joining back with. */
export const withdrawMemberBody = struct('WithdrawMember', { server_name: text, join: text });
