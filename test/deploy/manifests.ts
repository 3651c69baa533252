import type {
  V1ConfigMap,
  V1Container,
  V1DaemonSet,
  V1DaemonSetSpec,
  V1PodSpec,
} from '@kubernetes/client-node';
import type { Manifest } from './kubectl.ts';

/** All objects of one kind. */
export function ofKind<T>(objects: readonly Manifest[], kind: string): readonly T[] {
  return objects.filter((object) => object.kind === kind) as unknown as readonly T[];
}

/** The one object of a kind. @throws {Error} where there is another number of them */
export function theOnly<T>(objects: readonly Manifest[], kind: string): T {
  const [first, ...more] = ofKind<T>(objects, kind);
  if (first === undefined || more.length > 0) throw new Error(`not exactly one ${kind}`);
  return first;
}

export function daemonSetSpec(objects: readonly Manifest[]): V1DaemonSetSpec {
  return present(theOnly<V1DaemonSet>(objects, 'DaemonSet').spec);
}

export function podSpec(objects: readonly Manifest[]): V1PodSpec {
  return present(daemonSetSpec(objects).template.spec);
}

/** The container that stays. */
export function mainContainer(objects: readonly Manifest[]): V1Container {
  const [first, ...more] = podSpec(objects).containers;
  if (more.length > 0) throw new Error('more than one container');
  return present(first);
}

export function allContainers(objects: readonly Manifest[]): readonly V1Container[] {
  const { initContainers = [], containers } = podSpec(objects);
  return [...initContainers, ...containers];
}

/** The files that the Pod finds in its configuration's folder, where the manifests bring them along. */
export function configFiles(objects: readonly Manifest[]): ReadonlyMap<string, string> {
  const mounted = podSpec(objects).volumes?.find(({ name }) => name === 'config')?.configMap?.name;
  const found = ofKind<V1ConfigMap>(objects, 'ConfigMap').find(({ metadata }) => metadata?.name === mounted);
  return new Map(Object.entries(found?.data ?? {}));
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a part of the manifest is missing');
  return value;
}
