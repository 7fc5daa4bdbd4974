/** Secrets of one namespace, as texts by key. */
export class SecretStore {
  constructor({ url, namespace, token }) {
    this.collection = `${url}/api/v1/namespaces/${namespace}/secrets`;
    this.headers = { authorization: `Bearer ${token.trim()}`, 'content-type': 'application/json', accept: 'application/json' };
  }

  /** Undefined where there is none. */
  async read(name) {
    const found = await this.#find(name);
    return found && Object.fromEntries(Object.entries(found.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
  }

  /** Makes it, or gives the one there is this content. */
  async write(name, texts, type = 'Opaque') {
    const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
    const found = await this.#find(name);
    if (found) await this.#send('PUT', `${this.collection}/${name}`, { ...found, data });
    else await this.#send('POST', this.collection, { apiVersion: 'v1', kind: 'Secret', metadata: { name }, type, data });
  }

  async #find(name) {
    return this.#send('GET', `${this.collection}/${name}`, undefined, [404]);
  }

  async #send(method, url, body, missing = []) {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await fetch(url, { method, headers: this.headers, signal: AbortSignal.timeout(30_000), ...content });
    if (missing.includes(answer.status)) return undefined;
    if (!answer.ok) throw new Error(`${method} ${new URL(url).pathname}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
}
