import { isIPv6 } from 'node:net';
import { parseAddress } from '../../../rules/address.ts';
import type { Address, Protocol } from '../../../rules/model.ts';
import { Refused, refusalText, UsageError } from '../../config/usage.ts';
import { isName, LABEL, SUBDOMAIN } from '../../tracker/fields.ts';

/** Who sends the packet; undefined: whoever is likely to. */
export type From =
  | { readonly kind: 'pod'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'address'; readonly address: Address }
  | { readonly kind: 'node' };

/** Where it is sent. */
export type To =
  | {
      readonly kind: 'address';
      readonly address: Address;
      readonly port: number;
      readonly protocol: Protocol;
    }
  | {
      readonly kind: 'service';
      readonly namespace: string;
      readonly name: string;
      /** Number or name; undefined: all of them. */
      readonly port: string | undefined;
      readonly protocol: Protocol | undefined;
    };

const ARROWS = new Set(['→', '->', '=>', 'to']);

/**
 * `[FROM] [→] TO`.
 * @param flag what a flag says of FROM
 * @throws UsageError
 */
export function parseOperands(
  operands: readonly string[],
  flag: From | undefined,
): { readonly from: From | undefined; readonly to: To } {
  const words = operands.filter((word) => !ARROWS.has(word));
  const [first, second, third] = words;
  if (first === undefined) throw new UsageError(`fairlead explain needs to know where to: ${WHERE_TO}`);
  if (third !== undefined)
    throw new UsageError(`${JSON.stringify(third)} is one operand too many: [FROM →] TO`);
  if (second === undefined) return { from: flag, to: parseTo(first) };
  if (flag !== undefined) {
    throw new UsageError(`${JSON.stringify(first)} and a flag both say who sends: one of them is enough`);
  }
  return { from: parseFrom(first), to: parseTo(second) };
}

/** What --from-pod says. @throws UsageError */
export function parsePod(text: string, where: string): From {
  const parts = text.split('/');
  const [namespace, name, ...rest] = parts.length === 1 ? ['default', ...parts] : parts;
  if (rest.length === 0 && isName(namespace, LABEL) && isName(name, SUBDOMAIN)) {
    return { kind: 'pod', namespace, name };
  }
  throw new UsageError(refusalText(where, new Refused(text, 'NAMESPACE/NAME of a Pod')));
}

function parseFrom(text: string): From {
  if (text === 'node') return { kind: 'node' };
  const [kind = '', ...rest] = text.split('/');
  if (POD_WORDS.has(kind) && rest.length > 0) return parsePod(rest.join('/'), 'FROM');
  const address = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
  if (address) return { kind: 'address', address };
  const allowed = 'an IP address, pod/NAMESPACE/NAME or node';
  throw new UsageError(refusalText('FROM', new Refused(text, allowed)));
}

const POD_WORDS = new Set(['pod', 'pods', 'po']);
const SERVICE_WORDS = new Set(['svc', 'service', 'services']);
const WHERE_TO = 'ADDRESS:PORT, with /udp or /sctp where it is not TCP, or svc/NAMESPACE/NAME:PORT';

function parseTo(text: string): To {
  const [, where = '', protocolName] = /^(.*?)(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const protocol = protocolName?.toLowerCase() as Protocol | undefined;
  const to = serviceTo(where, protocol) ?? addressTo(where, protocol ?? 'tcp');
  if (to) return to;
  throw new UsageError(refusalText('TO', new Refused(text, WHERE_TO)));
}

function serviceTo(text: string, protocol: Protocol | undefined): To | undefined {
  const [, path = '', port] = /^(.*?)(?::([\w-]+))?$/.exec(text) ?? [];
  const [kind = '', ...words] = path.split('/');
  // As DNS has it.
  const [, dnsName, dnsNamespace] = /^([^./]+)\.([^./]+)\.svc(?:\.[\w.-]*)?$/.exec(path) ?? [];
  const names =
    dnsName !== undefined ? [dnsNamespace, dnsName] : words.length === 1 ? ['default', ...words] : words;
  const [namespace, name, ...rest] = names;
  if (dnsName === undefined && !SERVICE_WORDS.has(kind)) return undefined;
  if (rest.length > 0 || !isName(namespace, LABEL) || !isName(name, LABEL)) return undefined;
  return { kind: 'service', namespace, name, port, protocol };
}

function addressTo(text: string, protocol: Protocol): To | undefined {
  const [, bracketed, plain, portText] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = parseAddress(bracketed ?? plain ?? '');
  const port = Number(portText);
  if (isIPv6(text)) throw new UsageError(`${text} must be [ADDRESS]:PORT, with brackets: [${text}]:80`);
  if (!address || port < 1 || port > 65535) return undefined;
  return { kind: 'address', address, port, protocol };
}
