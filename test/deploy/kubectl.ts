import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { loadAll } from 'js-yaml';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));

/** The overlays of deploy/overlays, each a way to run Fairlead. */
export const OVERLAYS = ['iptables', 'ipvs', 'nftables', 'kubeadm', 'least-privilege'] as const;
export type Overlay = (typeof OVERLAYS)[number];

/** An object as a manifest has it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** Another version's can be put to the same tests: KUBECTL=/path/to/kubectl. */
const KUBECTL = process.env['KUBECTL'] ?? 'kubectl';

/** Why nothing can be rendered here, as half a sentence, or undefined where it can. */
export async function kubectlHindrance(): Promise<string | undefined> {
  const { exitCode } = await execa(KUBECTL, ['version', '--client'], { reject: false });
  return exitCode === 0 ? undefined : `${KUBECTL} is not installed (Debian: kubernetes-client)`;
}

/** What `kubectl apply -k` would send for one of the overlays. @throws {ExecaError} where kubectl refuses it */
export function renderedOverlay(overlay: Overlay): Promise<readonly Manifest[]> {
  return rendered(`${DEPLOY}overlays/${overlay}`);
}

/** What `kubectl apply -k` would send for a folder. @throws {ExecaError} where kubectl refuses it */
export async function rendered(folder: string): Promise<readonly Manifest[]> {
  const { stdout } = await execa(KUBECTL, ['kustomize', folder]);
  return loadAll(stdout).map((document) => {
    if (!isManifest(document)) throw new Error(`no object of the API: ${JSON.stringify(document)}`);
    return document;
  });
}

function isManifest(document: unknown): document is Manifest {
  if (typeof document !== 'object' || document === null) return false;
  const { apiVersion, kind, metadata } = document as Partial<Manifest>;
  return typeof apiVersion === 'string' && typeof kind === 'string' && typeof metadata?.name === 'string';
}
