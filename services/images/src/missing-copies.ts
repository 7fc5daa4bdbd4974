/** Members that get a copy of an image. `wanted` is how many shall have one, -1 for all; only those that can be reached get one. */
export function missingCopies(image: { members: readonly string[]; online: readonly string[]; wanted: number }): string[] {
  const having = image.members.filter((member) => image.online.includes(member)).length;
  const without = image.online.filter((member) => !image.members.includes(member));
  return image.wanted < 0 ? without : without.slice(0, Math.max(0, image.wanted - having));
}
