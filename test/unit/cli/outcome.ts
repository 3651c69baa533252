import { readFileSync } from 'node:fs';
import { dryRun } from '../../../src/cli/dry-run.ts';
import { readFilesInto } from '../../../src/cli/objects.ts';
import { loadSettings } from '../../../src/config/load.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { exitCodeOf, messageOf } from '../../../src/failure.ts';
import { Tracker } from '../../../src/tracker/tracker.ts';

/** What a dry run from files comes to, without a process of its own. */
export interface Outcome {
  readonly exitCode: number;
  /** Lines of standard error. */
  readonly messages: readonly string[];
  /** Empty unless the exit code is 0. */
  readonly sections: readonly { readonly tool: string; readonly text: string }[];
}

/** `fairlead --dry-run --hostname-override node-1 --from ...`, with further flags. */
export function outcomeOf(files: readonly string[], flags: readonly string[] = []): Outcome {
  return outcome((tracker, warn) => readFilesInto(tracker, files, warn), flags);
}

/** The same with whatever puts objects into the tracker. */
export function outcome(
  fill: (tracker: Tracker, warn: (message: string) => void) => void,
  flags: readonly string[] = [],
): Outcome {
  const messages: string[] = [];
  const warn = (message: string): void => {
    messages.push(message);
  };
  try {
    const settings = settled(flags);
    const report = ({ message }: { message: string }): void => warn(message);
    const tracker = new Tracker({ nodeName: settings.nodeName, report });
    fill(tracker, warn);
    return { exitCode: 0, messages, sections: dryRun(tracker, settings, warn) };
  } catch (error) {
    return {
      exitCode: exitCodeOf(error),
      messages: [...messages, `fairlead: ${messageOf(error)}`],
      sections: [],
    };
  }
}

/** What the process would print. */
export function printed({ sections }: Outcome): string {
  return sections.map(({ tool, text }) => `# ${tool}\n${text}`).join('');
}

/** All lines of all sections, each behind `4 ` or `6 `. */
export function linesOf({ sections }: Outcome): readonly string[] {
  return sections.flatMap(({ tool, text }) => {
    const family = tool.startsWith('ip6') ? 6 : 4;
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => `${family} ${line}`);
  });
}

function settled(flags: readonly string[]): Settings {
  const loaded = loadSettings(['--dry-run', '--hostname-override=node-1', ...flags], {
    readFile: (path) => readFileSync(path, 'utf8'),
    hostname: () => 'host',
  });
  if (loaded.kind !== 'settings') throw new Error('these flags only print something');
  return loaded.settings;
}
