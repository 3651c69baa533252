import { allNames, type CommandWords, type FlagWords, longNames, type Vocabulary } from './vocabulary.ts';

/** A script for bash 4 or newer, which needs no package of helpers. */
export function bashScript({ flags, commands }: Vocabulary): string {
  return `# bash completion for fairlead: printed by "fairlead completion bash"

_fairlead() {
  local current=\${COMP_WORDS[COMP_CWORD]} flag='' command='' flags='' operands=''
  COMPREPLY=()
  # bash takes "=" for a word of its own.
  if [[ $current == '=' ]]; then
    flag=\${COMP_WORDS[COMP_CWORD-1]} current=''
  elif [[ \${COMP_WORDS[COMP_CWORD-1]} == '=' ]]; then
    flag=\${COMP_WORDS[COMP_CWORD-2]}
  else
    flag=\${COMP_WORDS[COMP_CWORD-1]}
  fi
  (( COMP_CWORD > 1 )) && command=\${COMP_WORDS[1]}

  case $command in
${commands.map((command) => arm(command.name, wordsOf(command), command.operands)).join('')}    *)
      command=''
      flags='${flagList(flags)}'
      (( COMP_CWORD == 1 )) && operands='${commands.map(({ name }) => name).join(' ')}'
      ;;
  esac

  case "$command $flag" in
${valueArms('', flags)}${commands.map((command) => valueArms(command.name, command.flags)).join('')}  esac

  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
    # A value follows.
    [[ \${COMPREPLY[*]} == *= ]] && compopt -o nospace
  elif [[ -n $operands ]]; then
    COMPREPLY=($(compgen -W "$operands" -- "$current"))
  fi
}

complete -F _fairlead fairlead
`;
}

function arm(name: string, flags: string, operands: readonly string[] = []): string {
  return `    ${name})
      flags='${flags}'
      operands='${operands.join(' ')}'
      ;;
`;
}

function wordsOf({ flags }: CommandWords): string {
  return flagList(flags);
}

/** Those that need a value end with what is before it. */
function flagList(flags: readonly FlagWords[]): string {
  return flags
    .flatMap((flag) => longNames(flag).map((name) => (flag.value.kind === 'none' ? name : `${name}=`)))
    .join(' ');
}

/** What completes the values of a command's flags, those of the same kind together. */
function valueArms(command: string, flags: readonly FlagWords[]): string {
  const byAction = Map.groupBy(
    flags.filter(({ value }) => value.kind !== 'none'),
    ({ value }) => actionOf(value),
  );
  return [...byAction]
    .map(([action, own]) => {
      const patterns = own.flatMap(allNames).map((name) => `'${command} ${name}'`);
      return `    ${patterns.join(' | ')})\n      ${action}\n      return\n      ;;\n`;
    })
    .join('');
}

function actionOf(value: FlagWords['value']): string {
  switch (value.kind) {
    case 'choice':
      return `COMPREPLY=($(compgen -W '${value.choices.join(' ')}' -- "$current"))`;
    case 'file':
      return `compopt -o filenames; COMPREPLY=($(compgen -f -- "$current"))`;
    case 'folder':
      return `compopt -o filenames; COMPREPLY=($(compgen -d -- "$current"))`;
    default:
      return ': # anything';
  }
}
