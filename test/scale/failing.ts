/** A stream that gives nothing and fails. */
// oxlint-disable-next-line require-yield -- it has nothing to give
export async function* failing(error: Error): AsyncGenerator<never, void> {
  throw error;
}
