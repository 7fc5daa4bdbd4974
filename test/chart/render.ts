import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

/** One object of Kubernetes, as far as the tests read it. */
export interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; annotations?: Record<string, string> };
  spec?: { template?: { spec: Pod }; selector?: { matchLabels?: Record<string, string> } };
  data?: Record<string, string>;
  rules?: { verbs: string[]; resources: string[]; resourceNames?: string[] }[];
}

export interface Pod {
  hostNetwork?: boolean;
  hostPID?: boolean;
  automountServiceAccountToken?: boolean;
  securityContext?: { runAsNonRoot?: boolean };
  containers: Container[];
  volumes?: { name: string; secret?: { secretName: string }; hostPath?: { path: string } }[];
}

export interface Container {
  name: string;
  image: string;
  command?: string[];
  env?: { name: string; value?: string; valueFrom?: { secretKeyRef?: { name: string; key: string } } }[];
  volumeMounts?: { name: string; mountPath: string }[];
  securityContext?: { privileged?: boolean; readOnlyRootFilesystem?: boolean; allowPrivilegeEscalation?: boolean; capabilities?: { drop?: string[] } };
  resources?: { requests?: Record<string, string> };
  readinessProbe?: object;
}

const chart = fileURLToPath(new URL('../../charts/asterism', import.meta.url));
const program = process.env['HELM'] ?? 'helm';

/** Why nothing can be rendered here; undefined where helm is there. */
export function whyNoHelm(): string | undefined {
  const answer = spawnSync(program, ['version', '--short'], { encoding: 'utf8' });
  return answer.status === 0 ? undefined : `"${program}" cannot be run: put helm 3 on PATH or its path in HELM`;
}

function helm(command: string[], values: object): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(program, [...command, '--values', '-'], { input: JSON.stringify(values), encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

export function render(values: object, release = 'lab'): Rendered[] {
  const answer = helm(['template', release, chart, '--namespace', 'asterism', '--kube-version', '1.33.0'], values);
  if (answer.status !== 0) throw new Error(answer.stderr);
  return parseAllDocuments(answer.stdout).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as Rendered;
  }).filter(Boolean);
}

/** What helm says where the values are refused. */
export function refusal(values: object): string {
  const answer = helm(['template', 'lab', chart, '--kube-version', '1.33.0'], values);
  return answer.status === 0 ? 'accepted' : answer.stderr;
}

export function lint(values: object): string {
  const answer = helm(['lint', chart, '--strict', '--kube-version', '1.33.0'], values);
  return answer.status === 0 ? '' : answer.stdout + answer.stderr;
}
