/** One entry of the root file system: a directory, a file with its text or bytes, or a symlink. Owner is root. */
export type RootfsEntry =
  | { path: string; kind: 'directory'; mode: number }
  | { path: string; kind: 'file'; mode: number; content: string | Buffer }
  | { path: string; kind: 'symlink'; target: string };

/** pid 1 of the instance: udhcpc on eth0, then wait. SIGPWR (LXC's halt) and poweroff end it at once, SIGINT and reboot restart it. */
const init = `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trap 'exit 0' PWR USR1 USR2
trap 'reboot -f' INT TERM
[ -r /etc/hostname ] || hostname > /etc/hostname
ip link set lo up 2>/dev/null
for script in /etc/init.d/*; do
  [ -x "$script" ] && "$script" </dev/null >/dev/null 2>&1 &
done
while :; do
  sleep 86400 &
  wait $!
done
`;

/** Waits for eth0 (it may be hot-plugged) and keeps its lease. */
const network = `#!/bin/sh
while :; do
  while [ ! -e /sys/class/net/eth0 ]; do sleep 1; done
  ip link set eth0 up
  udhcpc -f -R -t 3 -T 1 -A 2 -i eth0 -s /etc/udhcpc/default.script -x "hostname:$(hostname)"
  sleep 1
done
`;

const udhcpcScript = `#!/bin/sh
case "$1" in
  deconfig)
    ip -4 addr flush dev "$interface"
    ip link set "$interface" up
    ;;
  renew|bound)
    ip -4 addr flush dev "$interface"
    ip addr add "$ip/\${mask:-24}" \${broadcast:+broadcast $broadcast} dev "$interface"
    if [ -n "$router" ]; then
      for gateway in $router; do ip route replace default via "$gateway" dev "$interface" && break; done
    fi
    {
      [ -n "$domain" ] && echo "search $domain"
      for server in $dns; do echo "nameserver $server"; done
    } > /etc/resolv.conf
    ;;
esac
exit 0
`;

const text = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nuser:x:1000:1000:user:/home/user:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  '/etc/group': 'root:x:0:\ndaemon:x:1:\ntty:x:5:\nuser:x:1000:\nnogroup:x:65534:\n',
  '/etc/shadow': 'root:*:19000:0:99999:7:::\nuser:*:19000:0:99999:7:::\n',
  '/etc/hosts': '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n',
  '/etc/resolv.conf': '',
  '/etc/profile': 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n',
  '/etc/os-release': 'NAME="Busybox"\nID=busybox\nPRETTY_NAME="Busybox"\n',
} as const;

const directories: Record<string, number> = {
  '/bin': 0o755, '/dev': 0o755, '/etc': 0o755, '/etc/init.d': 0o755, '/etc/udhcpc': 0o755, '/home': 0o755, '/lib': 0o755, '/mnt': 0o755,
  '/opt': 0o755, '/proc': 0o555, '/root': 0o700, '/run': 0o755, '/sbin': 0o755, '/sys': 0o555, '/tmp': 0o1777, '/usr': 0o755,
  '/usr/bin': 0o755, '/usr/sbin': 0o755, '/var': 0o755, '/var/log': 0o755, '/var/tmp': 0o1777,
};

const binApplets = `[ [[ arch ash awk base64 basename bc bunzip2 bzcat bzip2 cal cat chgrp chmod chown clear cmp cp cpio crc32 cut date dc dd df diff
  dirname dmesg dnsdomainname du echo ed egrep env expand expr factor fallocate false fgrep find flock fold free fsync grep groups gunzip gzip head hexdump
  hostid hostname id install ionice ip ipcalc kill killall less link ln logger login logname ls lsof md5sum mkdir mkfifo mknod mktemp more mount
  mountpoint mv nc netstat nice nl nohup nproc nsenter nslookup od paste patch pgrep pidof ping ping6 pkill printenv printf ps pwd readlink realpath
  renice reset resize rev rm rmdir sed seq setsid sh sha1sum sha256sum sha512sum shred shuf sleep sort split stat strings stty su sync tac tail tar taskset
  tee telnet test time timeout top touch tr traceroute true truncate ts tty umount uname unexpand uniq unlink unshare unxz unzip uptime usleep
  uudecode uuencode vi watch wc wget which whoami xargs xxd xz xzcat yes zcat`.split(/\s+/);
const sbinApplets = 'arp arping brctl chroot fdisk getty halt httpd ifconfig ip losetup poweroff reboot route start-stop-daemon sysctl syslogd udhcpc vconfig'.split(' ');

/** The whole root file system around one static busybox binary, in a fixed order. */
export function busyboxRootfs(busybox: Buffer): RootfsEntry[] {
  const entries: RootfsEntry[] = Object.entries(directories).map(([path, mode]) => ({ path, kind: 'directory', mode }));
  entries.push({ path: '/home/user', kind: 'directory', mode: 0o755 });
  entries.push({ path: '/bin/busybox', kind: 'file', mode: 0o755, content: busybox });
  for (const applet of binApplets) entries.push({ path: `/bin/${applet}`, kind: 'symlink', target: 'busybox' });
  for (const applet of sbinApplets) entries.push({ path: `/sbin/${applet}`, kind: 'symlink', target: '../bin/busybox' });
  for (const [path, content] of Object.entries(text)) entries.push({ path, kind: 'file', mode: path === '/etc/shadow' ? 0o600 : 0o644, content });
  entries.push({ path: '/sbin/init', kind: 'file', mode: 0o755, content: init });
  entries.push({ path: '/etc/init.d/network', kind: 'file', mode: 0o755, content: network });
  entries.push({ path: '/etc/udhcpc/default.script', kind: 'file', mode: 0o755, content: udhcpcScript });
  return entries;
}
