import { hash } from 'node:crypto';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The first characters of the base32 (RFC 4648) SHA-256 of the text. Each character is worth five bits. */
export function shortHash(text: string, characters: number): string {
  // One character for each byte: a buffer takes three times as long, and has to be collected.
  const digest = hash('sha256', text, 'binary');
  let out = '';
  for (let bit = 0; bit < characters * 5; bit += 5) {
    // Five bits may straddle two bytes.
    const pair = (digest.charCodeAt(bit >> 3) << 8) | digest.charCodeAt((bit >> 3) + 1);
    out += BASE32[(pair >> (11 - (bit & 7))) & 31];
  }
  return out;
}
