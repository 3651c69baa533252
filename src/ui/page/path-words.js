import { counted, percent } from './format.js';

/** @import { Flow, Way } from '../state.ts' */

/**
 * What becomes of packets on one way, in a sentence.
 * @param {Way} way
 * @param {Flow} flow
 */
export function flowSentence({ kind, addresses, sourceRanges }, flow) {
  const to = `To the ${kind} ${addresses.join(', ')}`;
  const from = flow.from === 'anywhere' ? '' : ` from ${sourceText(flow)}`;
  const ranges =
    sourceRanges.length === 0
      ? ''
      : ` Only sources in ${sourceRanges.join(', ')} are let in; others are dropped.`;
  return `${to}${from}: ${fate(flow)}.${masqueradeText(flow)}${reasonText(flow)}${ranges}`;
}

/** @param {Flow} flow */
function fate({ verdict, through, endpoints }) {
  const path = through.length > 0 ? ` (${through.join(' → ')})` : '';
  if (verdict === 'drop') return `dropped${path}`;
  if (verdict === 'reject') return `rejected${path}`;
  if (verdict === 'pass') return 'left alone';
  const [only] = endpoints;
  if (endpoints.length === 1 && only) return `to ${only.endpoint}${path}`;
  return `to one of ${counted(endpoints.length, 'endpoint')}, ${percent(only?.share ?? 0)} of connections to each${path}`;
}

/** @param {Flow} flow */
function masqueradeText({ verdict, masquerade, sources }) {
  if (verdict !== 'endpoints') return '';
  const reason = masquerade.reason === '' ? '' : `: ${masquerade.reason}`;
  if (masquerade.when === 'never') return ` The source address stays${reason}.`;
  const but = masquerade.when === 'always' ? '' : ` unless it is a Pod's (${sources})`;
  return ` The source becomes this node's address${but}${reason}.`;
}

/** @param {Flow} flow */
function reasonText({ reason }) {
  return reason === '' ? '' : ` ${reason[0]?.toUpperCase()}${reason.slice(1)}.`;
}

/** @param {Flow} flow */
export function sourceText({ from, sources }) {
  if (from === 'Pods') return sources === '' ? 'Pods' : `Pods (${sources})`;
  return from === 'outside' ? 'outside the cluster' : from;
}
