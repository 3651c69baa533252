import { FLAGS, IDLE_GROUP } from './flags.ts';
import type { Settings } from './settings.ts';

/** Every flag that has an effect with the value in use, as text, sorted by name: what /flagz shows. */
export function flagValues(settings: Settings): { name: string; value: string }[] {
  const values = FLAGS.filter((flag) => flag.group !== IDLE_GROUP).flatMap((flag) => {
    const { target } = flag;
    if (target.in === 'config') {
      return [{ name: flag.name, value: text(flag.kind.encode(at(settings.config, target.paths[0]))) }];
    }
    if (target.in === 'outside' && target.key !== 'version' && Object.hasOwn(settings, target.key)) {
      return [{ name: flag.name, value: text(settings[target.key as keyof Settings]) }];
    }
    return [];
  });
  return values.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function at(value: unknown, path = ''): unknown {
  return path.split('.').reduce((inner, name) => (inner as Record<string, unknown>)[name], value);
}

function text(value: unknown): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .map(([name, inner]) => `${name}=${inner}`)
      .join(',');
  }
  return String(value);
}
