import type { FlagWords, Vocabulary } from './vocabulary.ts';

/** A script for fish. */
export function fishScript({ flags, commands }: Vocabulary): string {
  const none = '__fish_use_subcommand';
  const lines = [
    '# fish completion for fairlead: printed by "fairlead completion fish"',
    'complete -c fairlead -f',
    ...commands.map(
      ({ name, summary }) => `complete -c fairlead -n ${none} -a ${name} -d ${quoted(summary)}`,
    ),
    ...flags.flatMap((flag) => flagLines(none, flag)),
    ...commands.flatMap(({ name, flags: own, operands }) => {
      const condition = quoted(`__fish_seen_subcommand_from ${name}`);
      const operandLine = operands
        ? [`complete -c fairlead -n ${condition} -a ${quoted(operands.join(' '))}`]
        : [];
      return [...operandLine, ...own.flatMap((flag) => flagLines(condition, flag))];
    }),
  ];
  return `${lines.join('\n')}\n`;
}

function flagLines(condition: string, { name, aliases, short, help, value }: FlagWords): readonly string[] {
  const letter = short === undefined ? '' : ` -s ${short}`;
  return [name, ...aliases].map((each, i) => {
    const names = `${name.length === 1 ? '-s' : '-l'} ${each}${i === 0 ? letter : ''}`;
    return `complete -c fairlead -n ${condition} ${names}${actionOf(value)} -d ${quoted(help)}`;
  });
}

function actionOf(value: FlagWords['value']): string {
  switch (value.kind) {
    case 'none':
      return '';
    case 'choice':
      return ` -x -a ${quoted(value.choices.join(' '))}`;
    case 'file':
      return ' -r -F';
    case 'folder':
      return ` -x -a '(__fish_complete_directories)'`;
    case 'text':
      return ' -x';
  }
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
