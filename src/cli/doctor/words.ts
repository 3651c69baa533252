/** "a, b, c and 4 more". */
export function summed(words: readonly string[], most = 3): string {
  if (words.length <= most + 1) return words.join(', ');
  return `${words.slice(0, most).join(', ')} and ${words.length - most} more`;
}

/** "1 endpoint", "2 endpoints", "2 addresses". */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : noun.endsWith('s') ? 'es' : 's'}`;
}
