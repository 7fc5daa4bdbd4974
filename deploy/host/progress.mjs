// One line per phase: what is being done, how long it took.

/** Runs work and shows its name while it lasts; `work` may be asynchronous. */
export function phase(name, work) {
  const started = Date.now();
  const terminal = process.stdout.isTTY;
  process.stdout.write(terminal ? `  ${name} …` : `  ${name}\n`);
  const done = (result) => {
    const line = `  ${name}: ${((Date.now() - started) / 1000).toFixed(1)} s\n`;
    process.stdout.write(terminal ? `\r\u001b[K${line}` : line);
    return result;
  };
  const failed = (error) => {
    if (terminal) process.stdout.write('\n');
    throw error;
  };
  try {
    const result = work();
    return result instanceof Promise ? result.then(done, failed) : done(result);
  } catch (error) {
    return failed(error);
  }
}
