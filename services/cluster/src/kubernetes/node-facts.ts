/** What is read of a Node of Kubernetes. */
export interface KubernetesNode {
  metadata?: { name?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: { unschedulable?: boolean };
}

/** What the member on a node has from it. */
export interface NodeFacts {
  member: string;
  /** The node's zone; undefined where it has none, and the member keeps its own. */
  failureDomain: string | undefined;
  /** Undefined: the member keeps its own. */
  description: string | undefined;
  /** Nothing new is to be placed there. */
  cordoned: boolean;
}

const zone = 'topology.kubernetes.io/zone';
const description = 'asterism/description';

/** A member has its node's name. */
export function nodeFacts({ metadata, spec }: KubernetesNode): NodeFacts {
  return {
    member: metadata?.name ?? '',
    failureDomain: metadata?.labels?.[zone] || undefined,
    description: metadata?.annotations?.[description],
    cordoned: spec?.unschedulable === true,
  };
}
