// What an image holds, as CycloneDX 1.6: Debian's packages as dpkg lists them, npm's as they were installed, and Node.

/** Installed packages in the words of /var/lib/dpkg/status. */
export function debianComponents(status) {
  return status
    .split('\n\n')
    .map((paragraph) => Object.fromEntries([...paragraph.matchAll(/^([A-Za-z-]+): (.*)$/gm)].map(([, field, value]) => [field, value])))
    .filter((fields) => fields.Status?.endsWith(' installed'))
    .map(({ Package: name, Version: version, Architecture: architecture }) => component(name, version, `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}&distro=bookworm`));
}

/** Packages of a node_modules/.package-lock.json; links are the tree's own workspaces. */
export function npmComponents({ packages }) {
  return Object.entries(packages)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.link)
    .map(([path, entry]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const [algorithm, digest] = entry.integrity?.split('-') ?? [];
      return {
        ...component(name, entry.version, `pkg:npm/${name.split('/').map(encodeURIComponent).join('/')}@${entry.version}`),
        ...(entry.license ? { licenses: [/\s/.test(entry.license) ? { expression: entry.license } : { license: { name: entry.license } }] } : {}),
        ...(algorithm === 'sha512' ? { hashes: [{ alg: 'SHA-512', content: Buffer.from(digest, 'base64').toString('hex') }] } : {}),
      };
    });
}

export function nodeComponent(version) {
  return component('node', version.replace(/^v/, ''), `pkg:generic/node@${version.replace(/^v/, '')}`);
}

/** The same components in any order give the same text. */
export function billOfMaterials({ image, version, time, components }) {
  const unique = [...new Map(components.map((one) => [one['bom-ref'], one])).values()].sort((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1));
  const subject = { type: 'container', 'bom-ref': `${image}:${version}`, name: image, version };
  return { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { timestamp: time, component: subject }, components: unique };
}

function component(name, version, purl) {
  return { type: 'library', 'bom-ref': purl, name, version, purl };
}
