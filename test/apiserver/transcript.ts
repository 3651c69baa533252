import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from './json.ts';

const DIRECTORY = join(import.meta.dirname, '../../fixtures/api-transcripts');

/** One recorded exchange with a real kube-apiserver. */
export interface Transcript {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestBody: string | undefined;
  readonly status: number;
  /** Names in lower case. */
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** Without the chunks' lengths. */
  readonly body: string;
}

/** Reads a file of fixtures/api-transcripts, named without `.txt`. */
export async function transcript(name: string): Promise<Transcript> {
  const bytes = await readFile(join(DIRECTORY, `${name}.txt`));
  const responseAt = bytes.indexOf('HTTP/1.1 ');
  const bodyAt = bytes.indexOf('\r\n\r\n', responseAt) + 4;
  const asked = linesOf(bytes.subarray(0, responseAt)).map((line) => line.replace(/^> /, ''));
  const [method = '', path = ''] = (asked[0] ?? '').split(' ');
  const isHeader = (line: string) => /^[A-Za-z-]+: /.test(line);
  const answered = linesOf(bytes.subarray(responseAt, bodyAt));
  const responseHeaders = headersIn(answered.slice(1), true);
  const rest = bytes.subarray(bodyAt);
  return {
    method,
    path,
    headers: headersIn(asked.slice(1).filter(isHeader), false),
    requestBody: asked.slice(1).find((line) => !isHeader(line)),
    status: Number(answered[0]?.split(' ')[1]),
    responseHeaders,
    body: (responseHeaders['transfer-encoding'] === 'chunked' ? withoutChunks(rest) : rest).toString(),
  };
}

/** The events of a recorded watch. */
export function eventsOf(recorded: Transcript): JsonObject[] {
  const lines = recorded.body.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as JsonObject);
}

function headersIn(lines: readonly string[], lowerCase: boolean): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(': ');
    const name = line.slice(0, colon);
    headers[lowerCase ? name.toLowerCase() : name] = line.slice(colon + 2);
  }
  return headers;
}

function linesOf(bytes: Buffer): string[] {
  return bytes
    .toString()
    .split(/\r?\n/)
    .filter((line) => line !== '');
}

function withoutChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.subarray(at, lineEnd).toString(), 16);
    if (lineEnd < 0 || !(length > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
}
