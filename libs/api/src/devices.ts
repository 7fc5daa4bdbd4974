interface DeviceMessage {
  options: { [key: string]: string };
}

/** The API's devices (name to options) as the messages carry them. */
export function devicesToMessage(devices: Readonly<Record<string, Readonly<Record<string, string>>>>): Record<string, DeviceMessage> {
  return Object.fromEntries(Object.entries(devices).map(([name, options]) => [name, { options: { ...options } }]));
}

export function devicesFromMessage(devices: Readonly<Record<string, DeviceMessage>>): Record<string, Record<string, string>> {
  return Object.fromEntries(Object.entries(devices).map(([name, device]) => [name, device.options]));
}
