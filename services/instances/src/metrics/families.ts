interface Family {
  type: 'counter' | 'gauge';
  help: string;
}

/** LXD's metrics of instances, in its order and words. */
export const families: Readonly<Record<string, Family>> = {
  cpu_seconds_total: { type: 'counter', help: 'The total number of CPU time used in seconds.' },
  disk_read_bytes_total: { type: 'counter', help: 'The total number of bytes read.' },
  disk_reads_completed_total: { type: 'counter', help: 'The total number of completed reads.' },
  disk_written_bytes_total: { type: 'counter', help: 'The total number of bytes written.' },
  disk_writes_completed_total: { type: 'counter', help: 'The total number of completed writes.' },
  filesystem_avail_bytes: { type: 'gauge', help: 'The number of available space in bytes.' },
  filesystem_free_bytes: { type: 'gauge', help: 'The number of free space in bytes.' },
  filesystem_size_bytes: { type: 'gauge', help: 'The size of the filesystem in bytes.' },
  memory_Active_anon_bytes: { type: 'gauge', help: 'The amount of anonymous memory on active LRU list.' },
  memory_Active_file_bytes: { type: 'gauge', help: 'The amount of file-backed memory on active LRU list.' },
  memory_Active_bytes: { type: 'gauge', help: 'The amount of memory on active LRU list.' },
  memory_Cached_bytes: { type: 'gauge', help: 'The amount of cached memory.' },
  memory_Dirty_bytes: { type: 'gauge', help: 'The amount of memory waiting to get written back to the disk.' },
  memory_Inactive_anon_bytes: { type: 'gauge', help: 'The amount of file-backed memory on inactive LRU list.' },
  memory_Inactive_file_bytes: { type: 'gauge', help: 'The amount of file-backed memory on inactive LRU list.' },
  memory_Inactive_bytes: { type: 'gauge', help: 'The amount of memory on inactive LRU list.' },
  memory_Mapped_bytes: { type: 'gauge', help: 'The amount of mapped memory.' },
  memory_MemAvailable_bytes: { type: 'gauge', help: 'The amount of available memory.' },
  memory_MemFree_bytes: { type: 'gauge', help: 'The amount of free memory.' },
  memory_MemTotal_bytes: { type: 'gauge', help: 'The amount of used memory.' },
  memory_RSS_bytes: { type: 'gauge', help: 'The amount of anonymous and swap cache memory.' },
  memory_Shmem_bytes: { type: 'gauge', help: 'The amount of cached filesystem data that is swap-backed.' },
  memory_Swap_bytes: { type: 'gauge', help: 'The amount of used swap memory.' },
  memory_Unevictable_bytes: { type: 'gauge', help: 'The amount of unevictable memory.' },
  memory_Writeback_bytes: { type: 'gauge', help: 'The amount of memory queued for syncing to disk.' },
  network_receive_bytes_total: { type: 'counter', help: 'The amount of received bytes on a given interface.' },
  network_receive_drop_total: { type: 'counter', help: 'The amount of received dropped bytes on a given interface.' },
  network_receive_errs_total: { type: 'counter', help: 'The amount of received errors on a given interface.' },
  network_receive_packets_total: { type: 'counter', help: 'The amount of received packets on a given interface.' },
  network_transmit_bytes_total: { type: 'counter', help: 'The amount of transmitted bytes on a given interface.' },
  network_transmit_drop_total: { type: 'counter', help: 'The amount of transmitted dropped bytes on a given interface.' },
  network_transmit_errs_total: { type: 'counter', help: 'The amount of transmitted errors on a given interface.' },
  network_transmit_packets_total: { type: 'counter', help: 'The amount of transmitted packets on a given interface.' },
  procs_total: { type: 'gauge', help: 'The number of running processes.' },
  instances: { type: 'gauge', help: 'The number of instances.' },
};
