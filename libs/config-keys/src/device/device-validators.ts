import { matching, oneOf, type Validator } from '../validators.js';

/** A uid or gid inside the instance. */
export const unixId: Validator = (value) => (/^\d{1,10}$/.test(value) && Number(value) < 2 ** 32 ? undefined : 'Invalid value for a UNIX ID');

export const deviceNumber: Validator = (value) => (/^\d{1,10}$/.test(value) && Number(value) < 2 ** 32 ? undefined : 'Invalid value for a UNIX device number');
export const fileMode = matching(/^[0-7]{1,21}$/, () => 'Invalid value for an octal file mode');
export const deviceNode = matching(/^\/dev/, () => 'Path needs to be in /dev');
/** Of the vendor or product of a device on a bus. */
export const busId = matching(/^[0-9a-f]{4}$/, () => 'Invalid value, must be four lower case hex characters');
export const pciAddress = matching(/^(?:[0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$/i, () => 'Invalid PCI address');
export const infinibandAddress = matching(/^[0-9a-f]{2}(?::[0-9a-f]{2}){7}(?:(?::[0-9a-f]{2}){12})?$/i, () => 'Invalid value, must be either 8 or 20 bytes of hex separated by colons');
export const gatewayMode: Validator = (value) => (oneOf('auto', 'none')(value) === undefined ? undefined : `Invalid gateway: ${value}`);

/** VLAN ids, and ranges of them, separated by commas. */
export const vlanList: Validator = (value) => {
  const bad = value.split(',').find((part) => !/^\d{1,4}(?:-\d{1,4})?$/.test(part.trim()));
  return bad === undefined ? undefined : `Invalid VLAN range input: ${bad.trim()}`;
};
