#!/bin/bash
# The laboratory's first process: the mounts of a host, then commands from the outside until they end.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TZ=UTC
mount -t securityfs securityfs /sys/kernel/security
mount -t debugfs debugfs /sys/kernel/debug
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/pts /dev/shm /run/lock
mount -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount --make-rshared /

# cgroup v2 alone, the older hierarchies beside it (lab.cgroups=hybrid), or those alone (v1).
if ! grep -q lab.cgroups=v2 /proc/cmdline; then
  mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
  for controller in cpuset cpu,cpuacct blkio memory devices freezer net_cls,net_prio perf_event hugetlb pids rdma; do
    mkdir "/sys/fs/cgroup/$controller"
    mount -t cgroup -o "$controller" cgroup "/sys/fs/cgroup/$controller" || rmdir "/sys/fs/cgroup/$controller"
  done
  ln -s cpu,cpuacct /sys/fs/cgroup/cpu
  ln -s cpu,cpuacct /sys/fs/cgroup/cpuacct
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
  if grep -q lab.cgroups=hybrid /proc/cmdline; then
    mkdir /sys/fs/cgroup/unified
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
  fi
else
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
  # As systemd has it, and LXC looks for it: what is not in the root may get controllers.
  mkdir /sys/fs/cgroup/init.scope
  echo $$ > /sys/fs/cgroup/init.scope/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$controller" > /sys/fs/cgroup/cgroup.subtree_control; done
fi

hostname lab
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
modprobe -a virtio_console virtio_net virtio_rng overlay br_netfilter loop configfs
mount -t configfs configfs /sys/kernel/config
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 exchange /exchange
bash /repository/test/lab/guest/agent.sh
echo o > /proc/sysrq-trigger
sleep 60
