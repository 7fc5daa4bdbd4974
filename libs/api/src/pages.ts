/** Asks for one page after the other, until the one that names no next. */
export async function* pages<P extends { next?: string | undefined }>(ask: (after: string) => Promise<P>): AsyncGenerator<P, void> {
  let after: string | undefined = '';
  while (after !== undefined) {
    const page: P = await ask(after);
    yield page;
    after = page.next;
  }
}
