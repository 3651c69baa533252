import type { ManualBlock, ManualSection } from './manual.ts';

/** The manual for those who read it in a repository or a browser. */
export function markdownOf(sections: readonly ManualSection[]): string {
  const parts = sections.flatMap(({ level, heading, blocks }) => [
    `${'#'.repeat(level + 1)} ${heading}`,
    ...blocks.map(blockText),
  ]);
  return `${['# fairlead(1)', GENERATED, ...parts].join('\n\n')}\n`;
}

const GENERATED = '<!-- Printed by fairlead help --output=markdown -->';

function blockText(block: ManualBlock): string {
  switch (block.kind) {
    case 'text':
      return escaped(block.text);
    case 'synopsis':
      return fenced(block.line);
    case 'terms':
      return block.terms.map(({ term, text }) => `- \`${term}\`: ${escaped(text)}`).join('\n');
    case 'examples':
      return fenced(block.examples.map(({ line, does }) => `# ${does}\n${line}`).join('\n\n'));
  }
}

function fenced(text: string): string {
  return `\`\`\`sh\n${text}\n\`\`\``;
}

function escaped(text: string): string {
  return text.replace(/[\\`*_<>[\]]/g, '\\$&');
}
