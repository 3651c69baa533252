import { isUtf8 } from 'node:buffer';
import { readFileSync, readSync } from 'node:fs';
import { getSystemErrorMessage } from 'node:util';
import { UsageError } from '../config/usage.ts';

/**
 * The text of a file that a flag names; `-` is standard input.
 * @param flag as messages name it: `--from`
 * @returns the text, and what messages about it call the file
 * @throws UsageError where it cannot be read or is no text
 */
export function readInput(flag: string, file: string): { readonly source: string; readonly text: string } {
  const source = file === '-' ? '(standard input)' : file;
  return { source, text: decoded(readBytes(flag, file), source) };
}

function readBytes(flag: string, file: string): Buffer {
  try {
    return file === '-' ? readStandardInput() : readFileSync(file);
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    const reason = errno === undefined ? (error as Error).message : getSystemErrorMessage(errno);
    throw new UsageError(`${flag} ${file} cannot be read: ${reason}`, { cause: error });
  }
}

const CHUNK_BYTES = 1 << 16;
const NOT_YET_MS = 10;

/** Whoever used the pipe before may have left it non-blocking: then there is nothing to read until there is. */
function readStandardInput(): Buffer {
  const chunks: Buffer[] = [];
  for (;;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    try {
      const length = readSync(0, chunk);
      if (length === 0) return Buffer.concat(chunks);
      chunks.push(chunk.subarray(0, length));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NOT_YET_MS);
    }
  }
}

/** UTF-8, or UTF-16 where a byte order mark says so, as PowerShell writes what it redirects. */
function decoded(bytes: Buffer, source: string): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes);
  throw new UsageError(`${source}:${lineOfOtherText(bytes)}: this is not UTF-8 text`);
}

function lineOfOtherText(bytes: Buffer): number {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf('\n', start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
