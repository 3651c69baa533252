import type { Family } from '../../rules/model.ts';
import { choiceKind, integerKind, repeatedKind, switchKind, textKind } from './kinds.ts';
import { interfaceAddressesKind } from './network-kinds.ts';
import { field, type Schema } from './schema.ts';
import type { IptablesBackend } from './settings.ts';

/** What the command line decides that is no field of the configuration file. Empty texts: not given. */
export interface Outside {
  readonly configFile: string;
  readonly writeConfigTo: string;
  readonly cleanup: boolean;
  readonly initOnly: boolean;
  readonly dryRun: boolean;
  readonly from: readonly string[];
  readonly outputDir: string;
  readonly ipFamily: Family | undefined;
  readonly localAddresses: readonly string[] | undefined;
  readonly iptablesBackend: IptablesBackend;
  readonly nftPath: string;
  readonly master: string;
  readonly ui: boolean;
  /** 0: no server. */
  readonly healthzPort: number | undefined;
  /** 0: no server. */
  readonly metricsPort: number | undefined;
  readonly help: boolean;
  readonly version: 'true' | 'raw' | 'false';
}

export const OUTSIDE: Schema<Outside> = {
  configFile: field(textKind('file'), ''),
  writeConfigTo: field(textKind('file'), ''),
  cleanup: field(switchKind(), false),
  initOnly: field(switchKind(), false),
  dryRun: field(switchKind(), false),
  from: field(repeatedKind('file'), []),
  outputDir: field(textKind('folder'), ''),
  ipFamily: field<Family | undefined>(choiceKind<Family>('family', ['ipv4', 'ipv6']), undefined),
  localAddresses: field<readonly string[] | undefined>(interfaceAddressesKind(), undefined),
  iptablesBackend: field<IptablesBackend>(choiceKind('backend', ['auto', 'nft', 'legacy']), 'auto'),
  nftPath: field(textKind('file'), ''),
  master: field(textKind('url'), ''),
  ui: field(switchKind(), false),
  healthzPort: field<number | undefined>(integerKind(0, 65_535), undefined),
  metricsPort: field<number | undefined>(integerKind(0, 65_535), undefined),
  help: field(switchKind(), false),
  // A switch with a third position: kube-proxy has --version=raw.
  version: field<'true' | 'raw' | 'false'>(choiceKind('', ['true', 'raw', 'false']), 'false'),
};
