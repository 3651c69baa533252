/**
 * A DNS server for a few names: answers A questions over UDP for `NAME=ADDRESS` pairs, has no other records of these
 * names, and knows no other names.
 * Usage: doctor-dns-server.ts ADDRESS PORT NAME=ADDRESS…. Prints a line when it answers, and ends when its stdin does.
 */
import { createSocket } from 'node:dgram';

const [address = '', port = '', ...records] = process.argv.slice(2);
const names = new Map(records.map((record) => record.split('=') as [string, string]));

const HEADER_BYTES = 12;
const TYPE_A = 1;
const NO_SUCH_NAME = 3;

const server = createSocket('udp4');
server.on('message', (query, from) => server.send(answerTo(query), from.port, from.address));
server.bind(Number(port), address, () => process.stdout.write('ready\n'));
process.stdin.resume().once('end', () => process.exit(0));

function answerTo(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(HEADER_BYTES, at + 5);
  const found = names.get(labels.join('.').toLowerCase());
  const hasAnswer = found !== undefined && query.readUInt16BE(at + 1) === TYPE_A;
  const header = Buffer.from(query.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(0x8580 | (found === undefined ? NO_SUCH_NAME : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(hasAnswer ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  if (!hasAnswer) return Buffer.concat([header, question]);
  // A pointer to the name of the question, type A, class IN, 5 s to live, 4 bytes.
  const record = Buffer.from([0xc0, HEADER_BYTES, 0, TYPE_A, 0, 1, 0, 0, 0, 5, 0, 4]);
  return Buffer.concat([header, question, record, Buffer.from(found.split('.').map(Number))]);
}
