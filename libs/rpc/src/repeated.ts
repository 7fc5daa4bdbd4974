const encodings = new WeakMap<object, Buffer | undefined>();

/** An answer that is given to many, and never changed: on the wire it is turned into bytes once. */
export function repeated<T extends object>(answer: T): T {
  encodings.set(answer, undefined);
  return answer;
}

/** The bytes of an answer, kept where it was said that it is repeated. */
export function encodedOnce(answer: unknown, encode: () => Buffer): Buffer {
  if (typeof answer !== 'object' || answer === null || !encodings.has(answer)) return encode();
  const known = encodings.get(answer) ?? encode();
  encodings.set(answer, known);
  return known;
}
