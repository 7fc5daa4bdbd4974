#!/bin/sh
# Makes the laboratory's image from Debian packages: $1/vmlinux, $1/initrd, $1/root.img, and $1/emulator. Needs root and the network.
set -eu
export LC_ALL=C
out=$1
here=$(cd "$(dirname "$0")" && pwd)
suite=bookworm

# What a host of Asterism has (deploy/host/setup.mjs), the reference server, and the tools of the tests.
packages=kmod,udev,iproute2,lxc,lxd,lxd-client,uidmap,btrfs-progs,e2fsprogs,dnsmasq-base,nftables,postgresql-15,squashfs-tools,zstd,xz-utils,bzip2,rsync
packages=$packages,busybox-static,attr,acl,apparmor,swtpm,swtpm-tools,rdma-core,iputils-ping,procps,ethtool,jq,dmsetup
builder=linux-headers-amd64,linux-source-6.1,gcc-12,make,xz-utils

bootstrap() {
  target=$1
  include=$2
  shift 2
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt='APT::Install-Recommends "false"' --include="$include" "$@" "$suite" "$target"
}

# The QEMU of Debian 13: it has network cards with virtual functions (igb). It runs with its own libraries.
mmdebstrap --quiet --mode=root --variant=extract --aptopt='APT::Install-Recommends "false"' --include=qemu-system-x86 trixie "$out/emulator"
rm -rf "$out/emulator/usr/share/doc" "$out/emulator/usr/share/man" "$out/emulator/usr/share/locale"

# The kernel, and the modules that Debian's configuration leaves out.
bootstrap "$out/builder" "$builder" --customize-hook="sh '$here/kernel.sh' \"\$1\"" --skip=cleanup/apt
mv "$out/builder/kernel/vmlinux" "$out/vmlinux"

# PostgreSQL's package makes no cluster of its own: the server under test does.
bootstrap "$out/root" "$packages" --essential-hook='mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"' \
  --customize-hook='mv "$1"/../builder/kernel/modules "$1/lib/modules" && chroot "$1" depmod "$(ls "$1/lib/modules")"'
cat > "$out/root/sbin/init" <<'INIT'
#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
modprobe -a 9pnet_virtio 9p
mount -t 9p -o ro,trans=virtio,version=9p2000.L,cache=loose,msize=512000 repository /repository
exec bash /repository/test/lab/guest/init.sh
INIT
chmod 755 "$out/root/sbin/init"
mkdir "$out/root/repository" "$out/root/exchange"
for ids in subuid subgid; do echo 'root:1000000:1000000000' > "$out/root/etc/$ids"; done
rm -rf "$out/root/usr/share/doc" "$out/root/usr/share/man" "$out/root/usr/share/locale"

# The first step of the boot: modules for the disk, then the real root.
version=$(ls "$out/root/lib/modules")
mkdir -p "$out/first/bin" "$out/first/modules" "$out/first/dev" "$out/first/root"
cp "$out/root/bin/busybox" "$out/first/bin/busybox"
number=100
for module in $(for name in virtio_pci virtio_blk ext4; do chroot "$out/root" modprobe -S "$version" --show-depends "$name"; done | sed -n 's/^insmod //p' | awk '!seen[$0]++'); do
  cp "$out/root$module" "$out/first/modules/$number-$(basename "$module")"
  number=$((number + 1))
done
cat > "$out/first/init" <<'INIT'
#!/bin/busybox sh
for module in /modules/*; do busybox insmod "$module"; done
busybox mount -t devtmpfs devtmpfs /dev
busybox mount -t ext4 /dev/vda /root
busybox mount --move /dev /root/dev
exec busybox switch_root /root /sbin/init
INIT
chmod 755 "$out/first/init"
(cd "$out/first" && find . | cpio --quiet -o -H newc) > "$out/initrd"

mke2fs -q -t ext4 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0 -d "$out/root" "$out/root.img" 5G
rm -rf "$out/builder" "$out/root" "$out/first"
