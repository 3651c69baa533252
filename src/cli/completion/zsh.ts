import { allNames, type FlagWords, type Vocabulary } from './vocabulary.ts';

/** A script for zsh: a file _fairlead in its fpath, or sourced once compinit has run. */
export function zshScript({ flags, commands }: Vocabulary): string {
  const names = commands.map(({ name, summary }) => `    ${quoted(`${name}:${escaped(summary)}`)}`);
  const arms = commands.map(({ name, flags: own, operands }) => {
    const operand = operands ? [`'*:word:(${operands.join(' ')})'`] : [];
    return `    ${name})\n${argumentsCall([...own.flatMap(specs), ...operand])}      ;;\n`;
  });
  return `#compdef fairlead
# zsh completion for fairlead: printed by "fairlead completion zsh"

_fairlead() {
  local -a commands
  commands=(
${names.join('\n')}
  )
  if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
    _describe command commands
    return
  fi
  local command=$words[2]
  if (( CURRENT > 2 )) && [[ -n \${commands[(r)$command:*]} ]]; then
    # What follows is the command's.
    shift words
    (( CURRENT-- ))
  else
    command=''
  fi
  case $command in
${arms.join('')}    *)
${argumentsCall(flags.flatMap(specs))}      ;;
  esac
}

if [[ $funcstack[1] == _fairlead ]]; then
  _fairlead "$@"
else
  compdef _fairlead fairlead
fi
`;
}

function argumentsCall(all: readonly string[]): string {
  return `      _arguments ${all.join(' \\\n        ')}\n`;
}

/** A flag may come again: lists grow by it. */
function specs(flag: FlagWords): readonly string[] {
  return allNames(flag).map((name) => {
    const help = `[${escaped(flag.help)}]`;
    if (flag.value.kind === 'none') return quoted(`*${name}${help}`);
    // Behind a single letter the value stands in the next word, too.
    const separator = name.startsWith('--') ? '=' : '+';
    return quoted(`*${name}${separator}${help}:${flag.name}:${actionOf(flag.value)}`);
  });
}

function actionOf(value: FlagWords['value']): string {
  switch (value.kind) {
    case 'choice':
      return `(${value.choices.join(' ')})`;
    case 'file':
      return '_files';
    case 'folder':
      return '_files -/';
    default:
      return ' ';
  }
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
