import type { Kind } from './kinds.ts';
import type { FeatureGates, VModule } from './settings.ts';
import { Refused } from './usage.ts';

/** Names with true or false: `A=true,B=false` on the command line. */
export function featureGatesKind(): Kind<FeatureGates> {
  const allowed = 'names of feature gates, each with true or false';
  return {
    placeholder: 'name=true|false,...',
    parse: (texts) => {
      const gates: Record<string, boolean> = {};
      for (const word of words(texts)) {
        const [, name, value] = /^\s*([A-Za-z]\w*)\s*=\s*(true|false)\s*$/i.exec(word) ?? [];
        if (name === undefined) return new Refused(word, 'NAME=true or NAME=false');
        gates[name] = value?.toLowerCase() === 'true';
      }
      return gates;
    },
    decode: (value) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return new Refused(value, allowed);
      for (const [name, on] of Object.entries(value)) {
        if (typeof on !== 'boolean') return new Refused(on, 'true or false', `.${name}`);
      }
      return { ...value } as FeatureGates;
    },
    encode: (gates) => gates,
  };
}

/** Verbosity by source file: `pattern=2,other=4` on the command line. */
export function vmoduleKind(): Kind<readonly VModule[]> {
  return {
    placeholder: 'pattern=N,...',
    parse: (texts) => {
      const modules: VModule[] = [];
      for (const word of words(texts)) {
        const [, filePattern, verbosity] = /^([^=,]+)=(\d{1,9})$/.exec(word) ?? [];
        if (filePattern === undefined) return new Refused(word, 'a pattern and a number, such as proxier=4');
        modules.push({ filePattern, verbosity: Number(verbosity) });
      }
      return modules;
    },
    decode: (value) => {
      if (!Array.isArray(value)) return new Refused(value, 'a list of filePattern and verbosity');
      for (const [index, entry] of value.entries()) {
        if (!isVModule(entry)) return new Refused(entry, 'a filePattern and a verbosity', `[${index}]`);
      }
      return value.map(({ filePattern, verbosity }: VModule) => ({ filePattern, verbosity }));
    },
    encode: (modules) => modules,
  };
}

function isVModule(value: unknown): value is VModule {
  if (typeof value !== 'object' || value === null) return false;
  const { filePattern, verbosity, ...more } = value as Partial<VModule>;
  const named = typeof filePattern === 'string' && /^[^=,]+$/.test(filePattern);
  return named && Number.isInteger(verbosity) && Number(verbosity) >= 0 && Object.keys(more).length === 0;
}

function words(texts: readonly string[]): string[] {
  return texts.flatMap((text) => text.split(',')).filter((word) => word.trim() !== '');
}
