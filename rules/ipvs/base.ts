import type { Fragment } from '../fragment.ts';
import type { ProxySettings } from '../model.ts';
import { compileChains } from './chains.ts';
import { setObject } from './objects.ts';
import { SET_IDS, setDefinition, setName } from './sets.ts';

/** What is there without any Service: all sets, and the rules that look into them. */
export function compileBase(settings: ProxySettings): Fragment {
  const { family } = settings;
  return [
    ...SET_IDS.map((id) => setObject(setName(id, family), setDefinition(id, family))),
    ...compileChains(settings),
  ];
}
