import type { Flow, Way } from '../state.ts';
import { counted, percent } from './format.ts';

/** What becomes of packets on one way, in a sentence. */
export function flowSentence({ kind, addresses, sourceRanges }: Way, flow: Flow): string {
  const to = `To the ${kind} ${addresses.join(', ')}`;
  const from = flow.from === 'anywhere' ? '' : ` from ${sourceText(flow)}`;
  const ranges =
    sourceRanges.length === 0
      ? ''
      : ` Only sources in ${sourceRanges.join(', ')} are let in; others are dropped.`;
  return `${to}${from}: ${fate(flow)}.${masqueradeText(flow)}${reasonText(flow)}${ranges}`;
}

function fate({ verdict, through, scheduler, endpoints }: Flow): string {
  const path = through.length > 0 ? ` (${through.join(' → ')})` : '';
  if (verdict === 'drop') return `dropped${path}`;
  if (verdict === 'reject') return `rejected${path}`;
  if (verdict === 'pass') return 'left alone';
  const [only] = endpoints;
  if (endpoints.length === 1 && only) return `to ${only.endpoint}${path}`;
  const choice =
    scheduler === undefined
      ? `${percent(only?.share ?? 0)} of connections to each`
      : `by scheduler ${scheduler}`;
  return `to one of ${counted(endpoints.length, 'endpoint')}, ${choice}${path}`;
}

function masqueradeText({ verdict, masquerade, sources }: Flow): string {
  if (verdict !== 'endpoints') return '';
  const reason = masquerade.reason === '' ? '' : `: ${masquerade.reason}`;
  if (masquerade.when === 'never') return ` The source address stays${reason}.`;
  const but = masquerade.when === 'always' ? '' : ` unless it is a Pod's (${sources})`;
  return ` The source becomes this node's address${but}${reason}.`;
}

function reasonText({ reason }: Flow): string {
  return reason === '' ? '' : ` ${reason[0]?.toUpperCase()}${reason.slice(1)}.`;
}

export function sourceText({ from, sources }: Flow): string {
  if (from === 'Pods') return sources === '' ? 'Pods' : `Pods (${sources})`;
  return from === 'outside' ? 'outside the cluster' : from;
}
