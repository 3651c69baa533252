import type { Note, Settings } from '../config/settings.ts';
export async function runDaemon(_settings: Settings, _notes: readonly Note[]): Promise<number> {
  throw new Error('soon');
}
