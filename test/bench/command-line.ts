import { basename } from 'node:path';

/**
 * Splits a command line into words as a shell does for words, quotes and backslashes; nothing else is special.
 * @throws Error where a quote is not closed, or there is no word at all
 */
export function splitCommand(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '\\' && quote !== "'") word = (word ?? '') + text.charAt(++i);
    else if (quote !== '') {
      if (character === quote) quote = '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') throw new Error(`a quote (${quote}) is not closed: ${text}`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new Error('a command has no words');
  return words;
}

/** Puts values in for `{name}`; where the command has none of them, `--config` with the config's is added. */
export function completeCommand(
  command: readonly string[],
  values: Readonly<Record<string, string>>,
): readonly string[] {
  let found = false;
  const completed = command.map((word) =>
    word.replace(/\{([a-z-]+)\}/g, (whole, name: string) => {
      const value = values[name];
      found ||= value !== undefined;
      return value ?? whole;
    }),
  );
  return found ? completed : [...completed, '--config', values['config'] ?? ''];
}

/** What a command is called in a table. */
export function shortName([program = '', ...args]: readonly string[], length = 40): string {
  const name = [basename(program), ...args.map((arg) => (arg.startsWith('/') ? basename(arg) : arg))].join(
    ' ',
  );
  return name.length <= length ? name : `${name.slice(0, length - 3)}...`;
}
