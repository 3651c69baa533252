import type { ManualBlock, ManualSection } from './manual.ts';

/** The manual as man(7) takes it. */
export function manPageOf(sections: readonly ManualSection[]): string {
  const lines = sections.flatMap(({ level, heading, blocks }) => [
    level === 1 ? `.SH ${quoted(heading.toUpperCase())}` : `.SS ${quoted(heading)}`,
    ...blocks.flatMap(blockLines),
  ]);
  return `${['.TH FAIRLEAD 1', '.nh', '.ad l', ...lines].join('\n')}\n`;
}

function blockLines(block: ManualBlock): readonly string[] {
  switch (block.kind) {
    case 'text':
      return ['.PP', plain(block.text)];
    case 'synopsis':
      return ['.PP', `\\fB${plain(block.line)}\\fR`];
    case 'terms':
      return block.terms.flatMap(({ term, text }) => ['.TP', `\\fB${plain(term)}\\fR`, plain(text)]);
    case 'examples':
      return block.examples.flatMap(({ line, does }) => [
        '.PP',
        plain(does),
        '.RS',
        '.nf',
        plain(line),
        '.fi',
        '.RE',
      ]);
  }
}

/** Text that is nothing but text: no line of it a request, no dash a hyphen. */
function plain(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^ -~]/gu, (character) => `\\[u${hexadecimal(character)}]`);
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** At least four digits. */
function hexadecimal(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}

function quoted(text: string): string {
  return `"${plain(text).replaceAll('"', '\\(dq')}"`;
}
