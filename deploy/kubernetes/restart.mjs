/** Replaces the pods of a workload ("deployments/NAME"), one after the other, as its strategy says. */
export async function restart({ url, namespace, token }, workload, now = new Date()) {
  const change = { spec: { template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': now.toISOString() } } } } };
  const headers = { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/strategic-merge-patch+json', accept: 'application/json' };
  const answer = await fetch(`${url}/apis/apps/v1/namespaces/${namespace}/${workload}`, { method: 'PATCH', headers, body: JSON.stringify(change), signal: AbortSignal.timeout(30_000) });
  if (!answer.ok) throw new Error(`PATCH ${workload}: ${answer.status} ${await answer.text()}`);
  console.log(`${workload}: restarted`);
}
