import type { Settings } from '../config/settings.ts';
import type { Tracker } from '../tracker/tracker.ts';
export async function readClusterInto(_tracker: Tracker, _settings: Settings): Promise<void> {
  throw new Error('soon');
}
