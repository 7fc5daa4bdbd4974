export interface ImageDifference {
  /** Known to be on the member, whose files are not there. */
  missing: string[];
  /** There, and known to nobody. */
  unowned: string[];
}

export function besideFiles(known: readonly string[], found: readonly string[]): ImageDifference {
  return { missing: known.filter((fingerprint) => !found.includes(fingerprint)), unowned: found.filter((fingerprint) => !known.includes(fingerprint)) };
}

/** What two looks have in common: what was only on its way is not. */
export function inBoth(before: ImageDifference, now: ImageDifference): ImageDifference {
  return { missing: now.missing.filter((fingerprint) => before.missing.includes(fingerprint)), unowned: now.unowned.filter((fingerprint) => before.unowned.includes(fingerprint)) };
}
