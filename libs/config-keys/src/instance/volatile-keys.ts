import type { KeyTable } from '../key.js';
import { uuid } from '../validators.js';

/** Keys that the server sets itself. */
export const volatileKeys = {
  volatileApplyTemplate: { name: 'volatile.apply_template', type: 'string', description: 'Template hook to run at next start', live: 'internal', condition: 'container, VM' },
  volatileBaseImage: { name: 'volatile.base_image', type: 'string', description: 'Fingerprint of the image used at creation', live: 'internal', condition: 'container, VM' },
  volatileEvacuateOrigin: { name: 'volatile.evacuate.origin', type: 'string', description: 'Member that the instance left when it was evacuated', live: 'internal', condition: 'container, VM' },
  volatileIdmapBase: { name: 'volatile.idmap.base', type: 'integer', description: 'First id of the main range', live: 'internal', condition: 'container' },
  volatileIdmapCurrent: { name: 'volatile.idmap.current', type: 'string', description: 'Map in use by the running kernel (JSON)', live: 'internal', condition: 'container' },
  volatileIdmapNext: { name: 'volatile.idmap.next', type: 'string', description: 'Map for the next start (JSON)', live: 'internal', condition: 'container' },
  volatileLastStateIdmap: { name: 'volatile.last_state.idmap', type: 'string', description: 'Map applied on disk (JSON)', live: 'internal', condition: 'container' },
  volatileLastStatePower: { name: 'volatile.last_state.power', type: 'string', description: 'Power state at last daemon stop', live: 'internal', condition: 'container, VM' },
  volatileUuid: { name: 'volatile.uuid', type: 'string', description: 'Unique id of the instance', validate: uuid, live: 'internal', condition: 'container, VM' },
  volatileDeviceApplyQuota: { name: 'volatile.*.apply_quota', type: 'string', description: 'Quota to apply at next start', live: 'internal', condition: 'container, VM' },
  volatileDeviceCephRbd: { name: 'volatile.*.ceph_rbd', type: 'string', description: 'Mapped RBD device path', live: 'internal', condition: 'container, VM' },
  volatileDeviceHostName: { name: 'volatile.*.host_name', type: 'string', description: 'Host side interface name', live: 'internal', condition: 'container, VM' },
  volatileDeviceHwaddr: { name: 'volatile.*.hwaddr', type: 'string', description: 'Generated MAC address', live: 'internal', condition: 'container, VM' },
  volatileDeviceLastStateCreated: { name: 'volatile.*.last_state.created', type: 'string', description: 'Whether the parent device was created by the server', live: 'internal', condition: 'container, VM' },
  volatileDeviceLastStateMtu: { name: 'volatile.*.last_state.mtu', type: 'string', description: 'Original MTU to restore', live: 'internal', condition: 'container, VM' },
  volatileDeviceLastStateHwaddr: { name: 'volatile.*.last_state.hwaddr', type: 'string', description: 'Original MAC to restore', live: 'internal', condition: 'container, VM' },
  volatileDeviceLastStateVfId: { name: 'volatile.*.last_state.vf.id', type: 'string', description: 'Virtual function number in use', live: 'internal', condition: 'container, VM' },
  volatileDeviceLastStateVfHwaddr: { name: 'volatile.*.last_state.vf.hwaddr', type: 'string', description: 'Original VF MAC', live: 'internal', condition: 'container, VM' },
  volatileDeviceLastStateVfVlan: { name: 'volatile.*.last_state.vf.vlan', type: 'string', description: 'Original VF VLAN', live: 'internal', condition: 'container, VM' },
  volatileDeviceLastStateVfSpoofcheck: { name: 'volatile.*.last_state.vf.spoofcheck', type: 'string', description: 'Original VF spoof check setting', live: 'internal', condition: 'container, VM' },
  image: { name: 'image.*', type: 'string', description: 'Copy of the image properties', live: 'internal', condition: 'container, VM; not in profiles' },
  volatileApplyQuota: { name: 'volatile.apply_quota', type: 'string', description: 'Root quota to apply, old form', live: 'internal', condition: 'container, VM; legacy' },
  volatileDeviceName: { name: 'volatile.*.name', type: 'string', description: 'Generated interface name inside', live: 'internal', condition: 'container' },
  volatileDeviceLastStatePciSlotName: { name: 'volatile.*.last_state.pci.slot.name', type: 'string', description: 'PCI slot of the passed device', live: 'internal', condition: 'VM' },
  volatileDeviceLastStatePciDriver: { name: 'volatile.*.last_state.pci.driver', type: 'string', description: 'Driver to give the PCI device back to', live: 'internal', condition: 'VM' },
  volatileDeviceVgpuUuid: { name: 'volatile.*.vgpu.uuid', type: 'string', description: 'UUID of the mediated device', live: 'internal', condition: 'VM' },
} satisfies KeyTable;
