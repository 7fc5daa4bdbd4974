// proves: usb_devices, gpu_devices
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { laboratory } from './lab.js';

const lab = laboratory();
const gadget = '/sys/kernel/config/usb_gadget/lab';

/** Waits for what a script prints to have or no longer have some words. */
const eventually = (script: string, words: string): Promise<string> => lab.sh(`for i in $(seq 30); do out=$(${script} 2>&1 || true); case "$out" in *${words}*) echo "$out"; exit 0;; esac; sleep 0.5; done; echo "$out"; exit 1`);

/** A serial line that is plugged into a bus of software (dummy_hcd) and unplugged again. */
describe('usb and unix-hotplug', () => {
  beforeAll(async () => {
    await lab.sh(`modprobe -a dummy_hcd libcomposite usb_f_acm cdc_acm
      mkdir ${gadget} && cd ${gadget} && echo 0x1d6b > idVendor && echo 0x0104 > idProduct
      mkdir strings/0x409 && echo lab-1 > strings/0x409/serialnumber
      mkdir configs/c.1 functions/acm.0 && ln -s functions/acm.0 configs/c.1/`);
  });
  afterEach(async () => {
    await lab.try(`echo "" > ${gadget}/UDC; lxc config device remove guest u0`);
  });
  const plugIn = (): Promise<string> => lab.sh(`echo dummy_udc.0 > ${gadget}/UDC`);
  const pullOut = (): Promise<string> => lab.sh(`echo "" > ${gadget}/UDC`);

  it('a usb device comes to the guest when it is plugged in and goes when it is pulled out', async () => {
    await lab.sh('lxc config device add guest u0 usb vendorid=1d6b productid=0104 mode=0666');
    expect((await lab.try('lxc exec guest -- find /dev/bus -type c')).text).not.toContain('/dev/bus/usb');
    await plugIn();
    expect(await eventually('lxc exec guest -- sh -c "ls -l /dev/bus/usb/*/*"', 'crw-rw-rw-')).toMatch(/189,/);
    await pullOut();
    await eventually('lxc exec guest -- sh -c "find /dev/bus -type c; echo none"', 'none');
    expect(await eventually('lxc exec guest -- sh -c "find /dev/bus -type c | wc -l"', '0')).toContain('0');
  });

  it('a required usb device that is not there is refused', async () => {
    expect(await lab.refusal('lxc config device add guest u0 usb vendorid=1d6b productid=0104 required=true')).toContain('Required USB device not found');
  });

  it('a unix-hotplug device brings the nodes that hang on the bus', async () => {
    await lab.sh('lxc config device add guest u0 unix-hotplug vendorid=1d6b productid=0104');
    await plugIn();
    expect(await eventually('lxc exec guest -- ls -l /dev/ttyACM0', '166,')).toContain('/dev/ttyACM0');
    await pullOut();
    await eventually('lxc exec guest -- ls /dev/ttyACM0', 'No such file');
  });
});

describe('gpu', () => {
  afterEach(async () => {
    await lab.try('lxc config device remove guest g0');
  });

  it('a card is found by its PCI address, its vendor and its number, with the node that renders', async () => {
    await lab.sh('modprobe virtio_gpu; until ls /dev/dri/renderD128; do sleep 0.2; done');
    const pci = await lab.sh('readlink -f /sys/class/drm/card0/device | grep -o "0000:[^/]*" | tail -n 1');
    for (const choice of [`pci=${pci}`, 'vendorid=1af4', 'id=0', '']) {
      await lab.sh(`lxc config device add guest g0 gpu ${choice}`);
      expect(await lab.sh('lxc exec guest -- ls /dev/dri')).toBe('card0\nrenderD128');
      await lab.sh('lxc config device remove guest g0');
    }
    expect(await lab.refusal('lxc config device add guest g0 gpu vendorid=10de')).toContain('Failed to detect requested GPU device');
  });

  it('a card that is on no bus (vkms) is found by its number', async () => {
    await lab.sh('modprobe vkms; until ls /dev/dri/card1; do sleep 0.2; done; lxc config device add guest g0 gpu id=1 mode=0600');
    expect(await lab.sh('lxc exec guest -- ls -l /dev/dri')).toMatch(/^(?:total 0\n)?crw------- .* 226,\s+1 .* card1$/);
    await lab.sh('lxc config device remove guest g0');
    expect(await lab.refusal('lxc exec guest -- ls /dev/dri/card1')).toContain('No such file');
    await lab.sh('modprobe -r vkms');
  });
});

describe('tpm', () => {
  afterAll(async () => {
    await lab.try('lxc delete -f sealed');
  });

  it('an emulated one is there, answers, and keeps what it was told over a restart', async () => {
    await lab.sh('lxc init busybox sealed --no-profiles --storage default && lxc config device add sealed t0 tpm path=/dev/tpm0 pathrm=/dev/tpmrm0 && lxc start sealed');
    expect(await lab.sh('lxc exec sealed -- sh -c "ls -l /dev/tpm0 /dev/tpmrm0"')).toMatch(/crw-rw----[^]*tpm0[^]*tpmrm0/);
    // TPM2_GetRandom of 8 bytes: an answer has the tag 8001 and the code 0.
    expect(await lab.sh(String.raw`lxc exec sealed -- sh -c "exec 3<>/dev/tpm0; printf '\200\001\000\000\000\014\000\000\001\173\000\010' >&3; dd bs=64 count=1 <&3 2>/dev/null | od -An -tx1"`)).toMatch(/^\s*80 01 00 00 00 14 00 00 00 00 00 08/);
    await lab.sh('lxc restart -f sealed');
    expect(await lab.sh('lxc exec sealed -- ls /dev/tpm0; lxc stop -f sealed; pgrep -c swtpm || true')).toMatch(/\/dev\/tpm0\n0/);
  });
});
