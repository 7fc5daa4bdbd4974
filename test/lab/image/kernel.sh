#!/bin/sh
# Runs in a new Debian root ($1) that has the kernel's headers and source: leaves /kernel/vmlinux and /kernel/modules/<version> there.
set -eu
export LC_ALL=C
root=$1
version=$(basename "$(ls -d "$root"/usr/src/linux-headers-*-amd64)" | sed s/linux-headers-//)
mkdir -p "$root/kernel/modules"
chroot "$root" sh -c "cd /kernel && apt-get -qq download linux-image-$version && dpkg -x linux-image-*.deb image"
mv "$root/kernel/image/lib/modules/$version" "$root/kernel/modules/$version"

# netdevsim, network cards with virtual functions that are all software, and vkms, a graphics card that is.
mkdir -p "$root/kernel/modules/$version/updates"
for driver in drivers/net/netdevsim:CONFIG_NETDEVSIM drivers/gpu/drm/vkms:CONFIG_DRM_VKMS; do
  directory=linux-source-6.1/${driver%:*}
  chroot "$root" sh -c "cd /kernel && tar -xf /usr/src/linux-source-6.1.tar.xz $directory &&
    make -s -C /lib/modules/$version/build M=/kernel/$directory ${driver#*:}=m modules"
  mv "$root/kernel/$directory"/*.ko "$root/kernel/modules/$version/updates/"
done

# QEMU starts the kernel itself, faster than the kernel can unpack itself: its ELF image is the xz stream inside bzImage.
image=$root/kernel/image/boot/vmlinuz-$version
offset=$(grep -abo -m 1 -P '\xFD7zXZ\x00' "$image" | head -n 1 | cut -d: -f1)
tail -c "+$((offset + 1))" "$image" | xz -dc --single-stream > "$root/kernel/vmlinux" 2>/dev/null || true
head -c 4 "$root/kernel/vmlinux" | grep -q ELF
