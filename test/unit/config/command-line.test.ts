import { describe, expect, test } from 'vitest';
import { printed, refusal, settled } from './settled.ts';

describe('a flag is written as for kube-proxy', () => {
  test.each([
    [['--mode=ipvs']],
    [['--mode', 'ipvs']],
    [['--proxy-mode=ipvs']],
    [['--proxy-mode', 'ipvs']],
    [['--proxy_mode=ipvs']],
    [['--mode=iptables', '--proxy-mode=ipvs']],
  ])('%j: ipvs', (argv) => {
    expect(settled(argv).settings.mode).toBe('ipvs');
  });

  test.each([
    [['-v', '2']],
    [['-v2']],
    [['-v=2']],
    [['--v=2']],
    [['--v', '2']],
    [['--v=0x2']],
    [['-v7', '-v', '2']],
  ])('%j: verbosity 2', (argv) => {
    expect(settled(argv).settings.verbosity).toBe(2);
  });

  test.each(['1', 't', 'T', 'true', 'TRUE', 'True'])('a switch is on with =%s', (value) => {
    expect(settled([`--dry-run=${value}`]).settings.dryRun).toBe(true);
  });

  test.each(['0', 'f', 'F', 'false', 'FALSE', 'False'])('a switch is off with =%s', (value) => {
    expect(settled([`--dry-run=${value}`]).settings.dryRun).toBe(false);
  });

  test('a bare switch never swallows the next word', () => {
    const { settings } = settled(['--dry-run', '--from', 'a.yaml']);
    expect(settings.dryRun).toBe(true);
    expect(settings.from).toEqual(['a.yaml']);
  });

  test('a value may begin with a dash, and hold an equals sign', () => {
    const { settings } = settled([
      '--dry-run',
      '--from',
      '-',
      '--oom-score-adj',
      '-998',
      '--master',
      'https://a?b=c',
    ]);
    expect(settings.from).toEqual(['-']);
    expect(settings.config.oomScoreAdj).toBe(-998);
    expect(settings.master).toBe('https://a?b=c');
  });

  test('--from may come again, and keeps commas', () => {
    expect(settled(['--from=a.yaml', '--from', 'b,c.yaml', '--from=-']).settings.from).toEqual([
      'a.yaml',
      'b,c.yaml',
      '-',
    ]);
  });

  test('lists are separated by commas, and may come again', () => {
    const argv = ['--nodeport-addresses=10.0.0.0/8,fd00::/8', '--nodeport-addresses', '192.0.2.0/24'];
    expect(settled(argv).settings.config.nodePortAddresses).toEqual([
      '10.0.0.0/8',
      'fd00::/8',
      '192.0.2.0/24',
    ]);
  });

  test('of other flags the last one counts', () => {
    expect(
      settled(['--cluster-cidr=10.0.0.0/8', '--cluster-cidr=fd00::/8']).settings.config.clusterCIDR,
    ).toEqual(['fd00::/8']);
  });

  test('-- ends the flags', () => {
    expect(settled(['--dry-run', '--']).settings.dryRun).toBe(true);
    expect(refusal(['--', '--dry-run'])).toBe('"--dry-run" is neither a flag nor the value of one');
  });
});

describe('what is no flag', () => {
  test.each([
    [['--foo'], '--foo is no flag of fairlead, --help lists them'],
    [['--foo=bar'], '--foo is no flag of fairlead, --help lists them'],
    [['--proxymode=ipvs'], '--proxymode is no flag of fairlead, did you mean --proxy-mode?'],
    [
      ['--node-port-addresses=primary'],
      '--node-port-addresses is no flag of fairlead, did you mean --nodeport-addresses?',
    ],
    [['--dryrun'], '--dryrun is no flag of fairlead, did you mean --dry-run?'],
    [['--Mode=ipvs'], '--Mode is no flag of fairlead, did you mean --mode?'],
    [['-dry-run'], '-dry-run is no flag of fairlead, did you mean --dry-run?'],
    [['-x'], '-x is no flag of fairlead, --help lists them'],
    [['-hv'], '-hv is no flag of fairlead, --help lists them'],
    [['cluster.yaml'], '"cluster.yaml" is neither a flag nor the value of one'],
    [['-'], '"-" is neither a flag nor the value of one'],
    [[''], '"" is neither a flag nor the value of one'],
    [
      ['--iptables-localhost-nodeports', 'false'],
      '"false" is neither a flag nor the value of one: a switch takes its value behind "=", as in --dry-run=false',
    ],
    [['--from'], '--from must have a value: --from=file'],
    [['--dry-run', '-v'], '-v must have a value: -v=number'],
  ])('%j', (argv, message) => {
    expect(refusal(argv)).toBe(message);
  });
});

describe('--version and --help', () => {
  test('--version prints the name and the version', () => {
    expect(printed(['--version'])).toMatch(/^fairlead \d+\.\d+\.\d+\n$/);
    expect(printed(['--version=raw'])).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(printed(['--version=false'])).toBe('nothing');
  });

  test('--help wins over what else is there', () => {
    expect(printed(['--dry-run', '-h', '--version', '--config=missing.yaml'])).toBe(printed(['--help']));
  });

  test('help names every flag, in lines that fit a terminal', () => {
    const text = printed(['--help']);
    expect(text).toMatchSnapshot();
    expect(text.split('\n').filter((line) => line.length > 110)).toEqual([]);
  });
});
