import { durationText } from './duration.ts';
import { listing } from './kinds.ts';
import type { Outside } from './outside.ts';
import type { KubeProxyConfiguration, LocalMode } from './settings.ts';
import { Refused, refusalText, UsageError } from './usage.ts';

/** The field below detectLocal that a mode cannot do without. */
const NEEDED: Readonly<Partial<Record<LocalMode, 'bridgeInterface' | 'interfaceNamePrefix'>>> = {
  BridgeInterface: 'bridgeInterface',
  InterfaceNamePrefix: 'interfaceNamePrefix',
};

/**
 * Checks what takes more than one field to see. `nameOf` says what to call a field: by its flag, or by its path
 * and place in the file.
 * @throws UsageError
 */
export function validate(config: KubeProxyConfiguration, nameOf: (path: string) => string): void {
  const refuse = (path: string, value: unknown, allowed: string): never => {
    throw new UsageError(refusalText(nameOf(path), new Refused(value, allowed)));
  };

  const needed = NEEDED[config.detectLocalMode];
  if (needed !== undefined && config.detectLocal[needed] === '') {
    refuse(`detectLocal.${needed}`, '', `set when ${nameOf('detectLocalMode')} is ${config.detectLocalMode}`);
  }

  // Of the mode in use alone, as kube-proxy does.
  const { syncPeriod, minSyncPeriod } = config[config.mode];
  if (minSyncPeriod > syncPeriod) {
    const most = `at most ${nameOf(`${config.mode}.syncPeriod`)}, ${durationText(syncPeriod)}`;
    refuse(`${config.mode}.minSyncPeriod`, durationText(minSyncPeriod), most);
  }
}

/**
 * Checks which flags outside of the configuration go together.
 * @throws UsageError
 */
export function validateTogether(outside: Outside): void {
  if (outside.outputDir !== '' && !outside.dryRun) {
    throw new UsageError(refusalText('--output-dir', new Refused(outside.outputDir, 'given with --dry-run')));
  }
  const actions = [
    outside.dryRun ? '--dry-run' : '',
    outside.initOnly ? '--init-only' : '',
    outside.cleanup ? '--cleanup' : '',
    outside.writeConfigTo !== '' ? '--write-config-to' : '',
  ].filter((name) => name !== '');
  if (actions.length > 1) throw new UsageError(`${listing(actions, 'and')} must not be given together`);
  if (outside.from.filter((name) => name === '-').length > 1) {
    throw new UsageError(refusalText('--from', new Refused(outside.from.join(), '- once at most')));
  }
}
