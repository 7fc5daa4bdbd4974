import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { busyboxImage } from '@asterism/images/busybox';
import { Lab } from './lab.js';
import type { Machine } from './machine.js';

/** Emulated machine code is slow to make; interpreted code is not. */
const lazily = '--no-opt --no-sparkplug --no-maglev --regexp-interpret-all';

const commands = {
  asterism: `/repository/node_modules/.bin/node ${lazily} /repository/services/standalone/dist/main.js standalone --state-dir $LXD_DIR`,
  lxd: 'lxd --group root',
};

/** Which server the laboratory runs: `ASTERISM_LAB_SERVER=lxd` puts the reference there, where it is in doubt what is right. */
export function serverOfRun(): keyof typeof commands {
  return process.env['ASTERISM_LAB_SERVER'] === 'lxd' ? 'lxd' : 'asterism';
}

/** Starts the server in the machine, with a dir pool, the busybox image, and the instance "guest", which has no nic. */
export async function startServer({ directory, port }: Machine): Promise<Lab> {
  const lab = new Lab(port);
  writeFileSync(join(directory, 'exchange', 'busybox.tar.gz'), await busyboxImage(readFileSync('/bin/busybox')));
  await port.run(`
    cat > /run/lab-environment <<'END'
export LXD_DIR=/var/lib/server LXD_CONF=/root/.config/lxc NODE_ENV=production LXD_LXC_TEMPLATE_CONFIG=/var/lib/lxc-config
END
    mkdir -p /root/.config/lxc && touch /root/.config/lxc/config.yml
    cp -r /usr/share/lxc/config /var/lib/lxc-config && rm -f /var/lib/lxc-config/common.conf.d/00-lxcfs.conf`);
  await lab.sh(`setsid ${commands[serverOfRun()]} > /exchange/server.log 2>&1 < /dev/null & echo $! > /run/server.pid`);
  await lab.sh('until [ -S $LXD_DIR/unix.socket ] && lxc query /internal/ready > /dev/null 2>&1; do kill -0 $(cat /run/server.pid) || { cat /exchange/server.log; exit 1; }; sleep 1; done', 600);
  await lab.sh(
    `lxc storage create default dir
    lxc image import /exchange/busybox.tar.gz --alias busybox
    lxc launch busybox guest --no-profiles --storage default`,
    400,
  );
  return lab;
}
