/** A listening address of the configuration ("[::]:8443", "10.0.0.1", ":8443"); undefined for none. */
export function parseListenAddress(text: string, defaultPort = 8443): { host: string; port: number } | undefined {
  if (text === '') return undefined;
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(text);
  if (!match) return { host: text, port: defaultPort };
  return { host: match[1] ?? match[2] ?? '', port: match[3] === undefined ? defaultPort : Number(match[3]) };
}
