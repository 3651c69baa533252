export { parseAddress, parseCidr } from '../../rules/address.ts';
