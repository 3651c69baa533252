import type { Option } from '../iptables/rule.ts';
import type { Address } from '../model.ts';
import type { Surroundings } from './iptables-match.ts';
import { hasMark, isIn, isInPorts, protocolName } from './iptables-values.ts';
import type { Way } from './way.ts';

/**
 * Whether one option of a match holds for the first packet of a connection, before it is negated.
 * @returns undefined where that is not known
 */
export function optionHolds(
  match: string,
  option: Option,
  way: Way,
  around: Surroundings,
): boolean | undefined {
  const { packet, isLocal } = around;
  const { name, values } = option;
  const [value = ''] = values;
  switch (`${match} ${name}`) {
    case 'tcp --dport':
    case 'udp --dport':
    case 'sctp --dport':
    case 'multiport --dports':
      return isInPorts(value, way.port);
    case 'tcp --sport':
    case 'udp --sport':
    case 'sctp --sport':
    case 'multiport --sports':
      return isInPorts(value, packet.sourcePort);
    case 'multiport --ports':
      return isInPorts(value, way.port) || isInPorts(value, packet.sourcePort);
    case 'tcp --syn':
      return true;
    case 'tcp --tcp-flags': {
      const [, set = ''] = values;
      return set === 'SYN' && value.split(',').includes('SYN');
    }
    case 'mark --mark':
      return hasMark(value, way.mark);
    case 'connmark --mark':
      return hasMark(value, way.connectionMark);
    case 'addrtype --dst-type':
      return isOfType(value, way.destination, isLocal);
    case 'addrtype --src-type':
      return isOfType(value, way.source, isLocal);
    case 'conntrack --ctstate':
    case 'state --state':
      return value
        .split(',')
        .some(
          (state) => state === 'NEW' || (state === 'DNAT' && way.translated && way.virtual === undefined),
        );
    case 'conntrack --ctorigdst':
      return isIn(value, packet.destination);
    case 'conntrack --ctorigsrc':
      return isIn(value, packet.source);
    case 'conntrack --ctorigdstport':
      return isInPorts(value, packet.port);
    case 'conntrack --ctproto':
      return protocolName(value) === packet.protocol;
    case 'conntrack --ctdir':
      return value === 'ORIGINAL';
    case 'physdev --physdev-is-in':
    case 'physdev --physdev-is-out':
    case 'physdev --physdev-is-bridged':
      // Traffic is looked at where it is routed.
      return false;
    case 'ipvs --vproto':
    case 'ipvs --vaddr':
    case 'ipvs --vport':
      return isOfVirtual(name, value, way.virtual);
    default:
      return undefined;
  }
}

function isOfType(
  type: string,
  address: Address,
  isLocal: (address: Address) => boolean,
): boolean | undefined {
  const isMulticast = /^(22[4-9]|23\d)\.|^ff[0-9a-f]{2}:/.test(address);
  const ofType = (name: string) => {
    if (name === 'LOCAL') return isLocal(address);
    if (name === 'MULTICAST') return isMulticast;
    if (name === 'BROADCAST') return address === '255.255.255.255';
    return name === 'UNICAST' ? !isMulticast && !isLocal(address) : undefined;
  };
  const answers = type.split(',').map(ofType);
  return answers.includes(true) || (answers.includes(undefined) ? undefined : false);
}

const PROTOCOL_NUMBERS: Readonly<Record<string, string>> = { tcp: '6', udp: '17', sctp: '132' };

/** @param virtual `tcp 10.96.0.1:443` */
function isOfVirtual(option: string, value: string, virtual: string | undefined): boolean {
  const [, protocol = '', host = '', port] = /^(\w+) \[?(.*?)\]?:(\d+)$/.exec(virtual ?? '') ?? [];
  if (option === '--vproto') return value === PROTOCOL_NUMBERS[protocol] || value === protocol;
  return option === '--vport' ? value === port : host !== '' && isIn(value, host as Address);
}
