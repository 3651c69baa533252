import type { Family } from '../../../rules/model.ts';
import type { Settings } from '../../config/settings.ts';
import { UsageError } from '../../config/usage.ts';
import { systemExec } from '../../dataplane/exec.ts';
import { messageOf } from '../../failure.ts';
import type { CommandCall } from '../command.ts';
import { Progress } from '../diff/progress.ts';
import { readingExec } from '../diff/reading-exec.ts';
import { jsonText, plain, print, toned, warn } from '../output.ts';
import type { Answer } from './answer.ts';
import { type KnownCluster, readKnownCluster } from './cluster.ts';
import type { EXPLAIN_FLAGS } from './command.ts';
import { Investigation } from './investigation.ts';
import { answerJson } from './json.ts';
import { readRoute } from './live-rules.ts';
import { type From, parseOperands, parsePod, type To } from './operands.ts';
import { findPod } from './pods.ts';
import { familiesOf, ofFamily, type Question, servicesMeant } from './questions.ts';
import { desiredRules, fileRules, liveRules, type RuleSource } from './rule-source.ts';
import { waysTo } from './service-at.ts';
import { answerText } from './text.ts';

/** Answers once. 0: nothing is dropped or rejected. */
export async function runExplain(call: CommandCall, flags: typeof EXPLAIN_FLAGS): Promise<number> {
  const progress = new Progress(process.stderr);
  const tell = (message: string): void => {
    progress.clear();
    warn(message);
  };
  try {
    const stage = (what: string): void => progress.stage(what);
    const { text, exitCode } = await explain(call, flags, { tell, stage }, new AbortController().signal);
    progress.clear();
    await print(text);
    return exitCode;
  } finally {
    progress.clear();
  }
}

const READING = readingExec(systemExec);

export interface Listener {
  /** Takes what people should know besides the answer, a line each. */
  readonly tell: (message: string) => void;
  /** Takes what is being done. */
  readonly stage: (what: string) => void;
}

/**
 * Finds out and says what becomes of packets, in the form that the flags ask for.
 * @throws UsageError, ClusterError, DataplaneError
 */
export async function explain(
  call: CommandCall,
  flags: typeof EXPLAIN_FLAGS,
  { tell, stage }: Listener,
  signal: AbortSignal,
): Promise<{ readonly text: string; readonly exitCode: 0 | 1 }> {
  const { settings, notes, operands, value } = call;
  const { from, to } = parseOperands(operands, fromFlag(call, flags));
  const files = value(flags.rules);
  const isLive = value(flags.live);
  checkTogether(settings, files, isLive);
  for (const { level, message } of notes) if (level === 'warn') tell(message);
  const families = familiesOf(from, to, settings.ipFamily);
  const isJson = value(flags.output) === 'json';
  stage('reading the cluster');
  const cluster = await maybeCluster(settings, need(from, to, files, isLive), tell);
  const silence = to.kind === 'service' && cluster ? silenceText(to, cluster) : undefined;
  if (silence !== undefined) {
    const text = isJson
      ? jsonText({ node: settings.nodeName, ways: [], notes: [silence] })
      : `${plain(silence)}\n`;
    return { text, exitCode: 0 };
  }
  stage('reading the rules');
  const rules = await rulesFor(settings, files, isLive, families, cluster, signal);
  const pod =
    from?.kind === 'pod' && cluster ? await findPod(from, cluster.names, settings, signal) : undefined;
  const investigation = new Investigation({
    settings,
    cluster,
    rules,
    from,
    pod,
    interface: value(flags.interface),
    route: isLive ? (address) => readRoute(address, READING, signal) : undefined,
  });
  const answers: Answer[] = [];
  for (const question of questionsOf(to, cluster, families, investigation)) {
    const isOfSender = !pod || to.kind === 'address' || ofFamily(pod.addresses, question.family);
    if (isOfSender) answers.push(await investigation.answer(question));
  }
  const text = isJson ? jsonText(jsonOf(settings, rules, answers)) : textOf(rules, answers);
  return { text, exitCode: answers.every(({ isGood }) => isGood) ? 0 : 1 };
}

/** Of a Service that no proxy programs. */
function silenceText(
  { namespace, name }: Extract<To, { kind: 'service' }>,
  cluster: KnownCluster,
): string | undefined {
  const why = cluster.names.notProgrammed(`${namespace}/${name}`);
  return why === undefined ? undefined : `no rules are for Service ${namespace}/${name}: ${why}`;
}

function fromFlag({ value }: CommandCall, flags: typeof EXPLAIN_FLAGS): From | undefined {
  const [pod, address, isNode] = [value(flags.fromPod), value(flags.fromIP), value(flags.fromNode)];
  const given: From[] = [
    ...(pod === '' ? [] : [parsePod(pod, '--from-pod')]),
    ...(address === '' ? [] : [{ kind: 'address', address } as const]),
    ...(isNode ? [{ kind: 'node' } as const] : []),
  ];
  if (given.length > 1) throw new UsageError('--from-pod, --from-ip and --from-node: one of them is enough');
  return given[0];
}

function checkTogether(settings: Settings, files: readonly string[], isLive: boolean): void {
  if (isLive && files.length > 0) throw new UsageError('--live and --rules are different rules: choose one');
  if ([...files, ...settings.from].filter((file) => file === '-').length > 1) {
    throw new UsageError('only one of --from and --rules can be standard input');
  }
}

type Need = 'needed' | 'helpful';

/** Rules from elsewhere can be followed without the cluster; names cannot. */
function need(from: From | undefined, to: To, files: readonly string[], isLive: boolean): Need {
  const isNamed = to.kind === 'service' || from?.kind === 'pod';
  return isNamed || (files.length === 0 && !isLive) ? 'needed' : 'helpful';
}

async function maybeCluster(
  settings: Settings,
  need: Need,
  tell: (message: string) => void,
): Promise<KnownCluster | undefined> {
  if (need === 'needed') return await readKnownCluster(settings, tell);
  const isNamed =
    settings.from.length > 0 || settings.kubeconfig !== undefined || settings.master !== undefined;
  if (!isNamed && process.env['KUBERNETES_SERVICE_HOST'] === undefined) return undefined;
  try {
    return await readKnownCluster(settings, tell);
  } catch (error) {
    if (isNamed) throw error;
    tell(`going on with the rules alone: ${messageOf(error)}`);
    return undefined;
  }
}

async function rulesFor(
  settings: Settings,
  files: readonly string[],
  isLive: boolean,
  families: readonly Family[],
  cluster: KnownCluster | undefined,
  signal: AbortSignal,
): Promise<RuleSource> {
  if (files.length > 0) return fileRules(settings, files);
  if (isLive || !cluster) return await liveRules(settings, families, READING, signal);
  return desiredRules(settings, cluster);
}

function questionsOf(
  to: To,
  cluster: KnownCluster | undefined,
  families: readonly Family[],
  investigation: Investigation,
): readonly Question[] {
  if (to.kind === 'address') {
    return families.map((family) => ({ ...to, family, servicePort: undefined }));
  }
  if (!cluster) return [];
  return servicesMeant(to, cluster, families).flatMap((service) => {
    const { family } = service.servicePort;
    return waysTo(service, investigation.view(family)).map((way) => ({ ...way, family }));
  });
}

function textOf(rules: RuleSource, answers: readonly Answer[]): string {
  if (answers.length === 0) return 'nothing leads there at this node\n';
  return answers
    .map((answer) => answerText(answer, rules.text))
    .join(`\n${toned('faint', '—'.repeat(40))}\n\n`);
}

function jsonOf(settings: Settings, rules: RuleSource, answers: readonly Answer[]): object {
  return { node: settings.nodeName, rules: rules.kind, ways: answers.map(answerJson) };
}
