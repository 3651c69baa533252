import { FAMILIES } from '../../../rules/model.ts';
import type { Mode } from '../../../src/config/settings.ts';
import { FairleadProcess, labConfiguration } from '../fairlead-process.ts';
import { Lab } from '../lab.ts';
import { type ApiObject, manifest } from '../manifest.ts';
import { trafficCluster } from '../traffic-services.ts';
import { FOREIGN, foreignSetup } from './foreign-servers.ts';
import { overSctp, SctpServers } from './sctp-service.ts';

/** ms; an emulated processor takes its time to start Node. */
export const PATIENCE_MS = 120_000;

/** A lab whose node runs Fairlead as users start it, beside virtual servers that are somebody else's. */
export class ModeStage implements AsyncDisposable {
  readonly lab: Lab;

  static async create(): Promise<ModeStage> {
    const lab = await Lab.create();
    try {
      lab.own(await SctpServers.start(lab));
      await foreignSetup(lab);
      return new ModeStage(lab);
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  get objects(): readonly ApiObject[] {
    return [...trafficCluster(), ...overSctp()];
  }

  /** What users give Fairlead in any mode. */
  async flags(): Promise<readonly string[]> {
    const cluster = await this.lab.file('cluster.yaml', manifest(this.objects));
    const text = `${labConfiguration()}ipvs:\n  excludeCIDRs: [${FOREIGN.excluded.join(', ')}]\n`;
    return ['--config', await this.lab.file('config.yaml', text), '--from', cluster];
  }

  /** Starts Fairlead and waits for its first syncs. */
  async start(mode: Mode): Promise<FairleadProcess> {
    const daemon = new FairleadProcess(this.lab.node, [...(await this.flags()), '--proxy-mode', mode]);
    const synced = () => FAMILIES.every((family) => daemon.syncs(family).length > 0);
    await daemon.until('the first sync', synced, PATIENCE_MS);
    return daemon;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.lab[Symbol.asyncDispose]();
  }
}
