const byteUnits: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  ' bytes': 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  EB: 1e18,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
  EiB: 2 ** 60,
};

/** Bytes of a size as LXD writes it ("10GiB", "512MB", "1024"); undefined where it is none. Decimal units are powers of 1000. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+)( bytes|[kKMGTPE]?i?B)?$/.exec(text);
  if (!match) return undefined;
  const unit = match[2] === 'KB' ? undefined : byteUnits[match[2] ?? ''];
  return unit === undefined ? undefined : Number(match[1]) * unit;
}

/** Bits per second of a rate as LXD writes it ("10Mbit", "1Gibit", "1000"). */
export function parseBitRate(text: string): number | undefined {
  const match = /^(\d+)(bit|kbit|Mbit|Gbit|Tbit|Pbit|Ebit|Kibit|Mibit|Gibit|Tibit|Pibit|Eibit)?$/.exec(text);
  if (!match) return undefined;
  const unit = (match[2] ?? 'bit').slice(0, -3);
  const factor = unit === '' ? 1 : unit.endsWith('i') ? 1024 ** ('KMGTPE'.indexOf(unit[0] ?? '') + 1) : 1000 ** ('kMGTPE'.indexOf(unit) + 1);
  return Number(match[1]) * factor;
}
