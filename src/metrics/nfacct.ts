import type { Exec } from '../dataplane/exec.ts';

const TIMEOUT_MS = 2_000;

/** Reads the packets that each nfacct object has counted, by name. Calls at the same time share one reading. */
export function nfacctReader(exec: Exec): () => Promise<ReadonlyMap<string, number>> {
  let reading: Promise<ReadonlyMap<string, number>> | undefined;
  return () => {
    reading ??= exec
      .run('nfacct', ['list'], { timeout: TIMEOUT_MS })
      .then(({ exitCode, stdout }) => parseNfacctList(exitCode === 0 ? stdout : ''))
      .finally(() => {
        reading = undefined;
      });
    return reading;
  };
}

/** `{ pkts = 00000000000000000042, bytes = 00000000000000002520 } = NAME;`, a line for each object. */
export function parseNfacctList(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [, packets, name] of text.matchAll(/\{ pkts = (\d+), bytes = \d+[^}]*\} = ([^;\s]+);?/g)) {
    if (name !== undefined) found.set(name, Number(packets));
  }
  return found;
}
