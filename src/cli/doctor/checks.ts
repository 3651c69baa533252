import type { Check } from './check.ts';
import { CLUSTER_CHECKS } from './cluster/checks.ts';
import { NODE_CHECKS } from './node/checks.ts';
import { HERE } from './node/here.ts';
import { NODE_RULES, SERVICE_RULES } from './node/rules.ts';
import { SERVICE_ANSWERS } from './service/answers.ts';
import { SERVICE_CHECKS } from './service/checks.ts';
import { EVERY_SERVICE_CHECKS } from './service/every.ts';

/** All checks, in the order in which they are shown. */
export const CHECKS: readonly Check[] = [
  ...CLUSTER_CHECKS,
  ...SERVICE_CHECKS,
  SERVICE_ANSWERS,
  SERVICE_RULES,
  ...EVERY_SERVICE_CHECKS,
  HERE,
  ...NODE_CHECKS,
  NODE_RULES,
];

/**
 * What is likeliest to be behind all others that fail at the same time, first: a cause before its consequences.
 * Checks that are not among these come last.
 */
export const CAUSES: readonly string[] = [
  'api-reachable',
  'api-permitted',
  'node-found',
  'node-here',
  'service-exists',
  'service-type',
  'objects-readable',
  'service-selector',
  'service-ports',
  'service-endpoints',
  'service-clash',
  'service-local-policy',
  'mode-support',
  'proxy-mode',
  'node-proxy',
  'node-backends',
  'proxy-quarantine',
  'proxy-health',
  'node-forwarding',
  'node-forward-policy',
  'conntrack-room',
  'node-rules',
  'service-rules',
  'service-answers',
  'node-bridge-filter',
  'conntrack-stale',
  'node-hairpin',
  'services-ports',
  'services-clash',
  'services-endpoints',
  'service-dns',
  'cluster-dns',
];
