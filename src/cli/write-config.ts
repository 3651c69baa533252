import { writeFileSync } from 'node:fs';
import { configText } from '../config/config-text.ts';
import type { Settings } from '../config/settings.ts';
import { RuntimeFailure } from '../failure.ts';

/** Writes the configuration in use, defaults and all. @throws RuntimeFailure where the file cannot be written */
export function writeConfig(path: string, { config }: Settings): number {
  try {
    writeFileSync(path, configText(config));
  } catch (error) {
    throw new RuntimeFailure('output', `--write-config-to: ${(error as Error).message}`, { cause: error });
  }
  return 0;
}
