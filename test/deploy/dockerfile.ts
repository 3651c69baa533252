import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** As much of deploy/Dockerfile as is needed to make the same image without Docker. */
export interface Dockerfile {
  /** The ARGs before the first stage, with their defaults. */
  readonly args: ReadonlyMap<string, string>;
  readonly stages: readonly Stage[];
  /** What becomes the image. */
  readonly final: Stage;
}

export interface Stage {
  readonly name: string | undefined;
  readonly platform: string | undefined;
  /** ARGs filled in. */
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

export interface Instruction {
  /** `COPY`. */
  readonly name: string;
  /** Lines joined. */
  readonly text: string;
}

export interface Copy {
  /** The stage to copy from, or undefined for the repository. */
  readonly stage: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export async function readDockerfile(): Promise<Dockerfile> {
  const text = await readFile(`${ROOT}deploy/Dockerfile`, 'utf8');
  const args = new Map<string, string>();
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const { name, text: rest } of instructionsOf(text)) {
    const stage = stages.at(-1);
    if (name === 'FROM') stages.push({ ...stageOf(rest, args), instructions: [] });
    else if (stage !== undefined) stage.instructions.push({ name, text: rest });
    else if (name === 'ARG') args.set(...assignment(rest));
  }
  const final = stages.at(-1);
  if (final === undefined) throw new Error('deploy/Dockerfile has no stage');
  return { args, stages, final };
}

/** The packages of deploy/image/packages.txt. */
export async function readPackages(): Promise<readonly string[]> {
  const text = await readFile(`${ROOT}deploy/image/packages.txt`, 'utf8');
  return text.replaceAll(/#.*/g, '').split(/\s+/).filter(Boolean);
}

export function copies({ instructions }: Stage): readonly Copy[] {
  return instructions
    .filter(({ name }) => name === 'COPY')
    .map(({ text }) => {
      const words = text.split(/\s+/);
      const stage = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
      return { stage, sources: words.slice(0, -1), target: words.at(-1) ?? '' };
    });
}

function instructionsOf(text: string): readonly Instruction[] {
  return text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = ''] = line.split(' ', 1);
      return { name, text: line.slice(name.length).trim() };
    });
}

function stageOf(text: string, args: ReadonlyMap<string, string>): Omit<Stage, 'instructions'> {
  const filled = text.replaceAll(/\$\{(\w+)\}/g, (whole, name) => args.get(name) ?? whole);
  const [, platform, from = '', name] = /^(?:--platform=(\S+) )?(\S+)(?: AS (\S+))?$/.exec(filled) ?? [];
  return { name, platform, from };
}

function assignment(text: string): [name: string, value: string] {
  const [name = '', value = ''] = text.split('=');
  return [name, value];
}
