/** A difference that is meant. All given conditions must hold: `script` is the script's name, `step` occurs in its step, `line` matches every changed line it accepts. */
export interface Accepted {
  script?: string;
  step?: string;
  line: RegExp;
  reason: string;
}

export const accepted: Accepted[] = [
  { script: 'aliases', line: /location: .*with%(25)?2Fslash$/, reason: 'LXD escapes the name in the Location of an alias twice' },
  { script: 'images', step: 'public=true', line: /^(split)?$/, reason: "LXD's filter finds nothing by a field that is no string" },
  { script: 'images', step: 'POST /1.0/images {}', line: /^/, reason: 'LXD crashes on a request without source and drops the connection' },
  { script: 'hostile-images', step: 'truncated.tar.gz', line: /Corrupt image archive|exit: 1/, reason: 'an archive that was cut off is refused at import; LXD notices at the first launch' },
  { step: '/1.0/storage-pools/', line: /^etag: <etag>$/, reason: 'pools have an ETag, so that If-Match can be used on them as on everything else' },
  {
    script: 'volumes',
    line: /^\s*(config:( {})?|"?size"?: "?30MiB"?,?|"?volatile\.idmap\.(last|next)"?: .*)$/,
    reason: 'volumes keep their ids on disk and are shown shifted: there is no map that was applied',
  },
  { step: 'storage volume restore fast v2 s0', line: /lstat|Snapshot not found/, reason: 'a missing snapshot is refused before the disk is asked' },
  { step: '"content_type":"bogus"', line: /HTTP [45]00|"error_code": [45]00,/, reason: 'one status for both URLs of the same request' },
  { script: 'config-edit', step: 'GET /1.0/instances/c1', line: /"description": "(edited|patched)?"/, reason: 'a changed description is kept; LXD 5.0.2 loses it' },
  { script: 'snapshots', step: '/snapshots/first', line: /\/1\.0\/(containers|instances)\/(first|d1)"/, reason: "the operation names the instance; LXD takes the snapshot's name for one" },
  { script: 'snapshots', step: '@operation', line: /\/1\.0\/(containers|instances)\/(first|d1|d1\/third)"/, reason: "the operation names the instance; LXD takes the snapshot's name for one" },
  { script: 'snapshots', step: 'DELETE /1.0/instances/d1/snapshots/third', line: /\/1\.0\/(containers|instances)\/d1/, reason: 'the operation names the instance' },
  { script: 'operations', step: 'GET {{op}}', line: /"fds"|<secret>|^\s*},$/, reason: "secrets of sockets are their creator's alone" },
  { script: 'errors', step: 'network-acls', line: /not found/, reason: 'network ACLs are not served yet' },
  { script: 'errors', step: 'POST /1.0/instances/taken {"name":""}', line: /^/, reason: 'an empty name is refused as a name, not as one that is taken' },
  { script: 'errors', step: '/files?path=/nope', line: /^/, reason: 'a file that is not there is not found, also where the instance has no root file system' },
  { script: 'exec', step: 'seq 20', line: /^number \d+$/, reason: 'LXD loses the output of some of twenty commands at once' },
  { script: 'exec', step: '{{stdout}}', line: /^/, reason: 'a log that is gone is not found; LXD answers 500 with the path on the host' },
  { script: 'files', step: 'delete c1/nope', line: /directory not empty/, reason: 'no SFTP library in the words' },
  { script: 'files', step: 'DELETE /1.0/instances/c1/files?path=/root/tree', line: /directory not empty|HTTP|error_code/, reason: 'no SFTP library in the words, and the fault of the client is no server error' },
  { script: 'files', line: /^(\/root\/tree\/)?one$|^(\/root\/)?hello$/, reason: 'a relative symlink is pulled as it is; LXD makes it absolute' },
  { script: 'files', step: 'GET /1.0/instances/c1/files?path=/root', line: /^\s+"(hello|tree|abs|dangling|escape|modes)",?$/, reason: 'directories are listed in order of names' },
  { script: 'files', step: 'path=/dev/null', line: /^/, reason: 'devices are not read' },
  { script: 'instances', step: 'lxc start c5', line: /^stderr:/, reason: 'the root that is missing is named in other words' },
  { step: 'lxc stop c1 --timeout 1', line: /shutting down the container failed|context deadline exceeded/, reason: 'LXD itself says the one or the other' },
  { script: 'etag', step: '/1.0/storage-pools/default If-Match={{s}}', line: /^/, reason: 'pools have an ETag, which LXD does not send but compares' },
  { script: 'profiles', step: 'lxc profile device unset web share nokey', line: /^/, reason: 'an option without a value is an option that is not there' },
  { script: 'profiles', step: 'lxc profile rename nope x', line: /Query affected|Profile not found/, reason: 'the words of a query are no answer' },
  { script: 'server', step: 'GET /1.0', line: /"user\.|"config": |^\s*},$/, reason: 'PUT replaces the configuration, user keys too; LXD keeps those it was not given' },
  { script: 'warnings', step: 'acknowledge nope', line: /^/, reason: 'a warning that is not there is not found' },
  { script: 'warnings', step: '{"status":"acknowledged"}', line: /^/, reason: 'a warning that is not there is not found' },
  { script: 'monitor', step: 'life.json', line: /storage-volume-(created|updated|deleted)/, reason: 'LXD names a volume in its events as it is called on disk' },
  { script: 'remote-https', step: 'http://127.0.0.1', line: /^/, reason: 'plain HTTP on the HTTPS port is closed without words' },
  { script: 'errors', step: 'GET /1.0/instances?recursion=x', line: /x9/, reason: 'a fingerprint of "%" is a pattern to LXD, which finds an image by it' },
  { script: 'monitor', step: 'life.json', line: /instance-file-(pushed|retrieved|deleted)/, reason: 'events of files came after the target' },
  { script: 'state', step: 'exec c1 -- poweroff', line: /^(exit: 137)?$/, reason: 'a command that dies with its container has the exit code of a killed one; LXD sees the socket end first, at times' },
  { script: 'backups', line: /UNIQUE constraint failed|Backup \\"c1\/backup1\\" already exists/, reason: 'the words of a query are no answer' },
  { script: 'backups', step: '@operation', line: /raw.lxc|"status": "(Success|Failure)"|"status_code": (200|400)|"err": ""/, reason: 'what an archive asks for is judged by its project; LXD 5.0.2 lets it in' },
  { script: 'backups', step: '/1.0/instances?project=tight', line: /^/, reason: 'what an archive asks for is judged by its project; LXD 5.0.2 lets it in' },
  { script: 'volume-backups', step: '/1.0/storage-pools/nope/', line: /Storage pool not found|HTTP|error_code/, reason: 'a pool that is not there is not found; LXD answers 500 to an archive for it' },
  { script: 'volume-backups', step: 'show fast v2/s0', line: /volatile.idmap/, reason: 'volumes keep their ids on disk and are shown shifted: there is no map that was applied' },
  { script: 'volume-backups', step: 'for v in o1 o3', line: /^o[13] one (65534:65534|42:43)$/, reason: 'LXD loses the owners of a snapshot that is restored into a volume that has not been attached since' },
];
