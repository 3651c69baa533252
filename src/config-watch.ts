import { readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Calls back once, when the file's text is another than it was. Watches its folder: a ConfigMap is replaced by
 * swapping a link beside it.
 * @returns what ends the watch
 */
export function watchConfigFile(path: string, changed: () => void): () => void {
  const before = readOr(path);
  const watcher = watch(dirname(path), { persistent: false }, () => {
    const now = readOr(path);
    // Between two halves of a swap there is no file: what comes next tells.
    if (now === undefined || now === before) return;
    watcher.close();
    changed();
  });
  // A folder that goes away takes nothing with it that matters.
  watcher.on('error', () => watcher.close());
  return () => watcher.close();
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
