import type { Command } from '../command.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export const COMPLETION: Command = {
  name: 'completion',
  summary: 'a script that has a shell complete commands, flags and their values',
  usage: '[flags] bash|zsh|fish',
  description:
    'Prints the script. A shell that reads it when it starts completes what is typed behind fairlead.',
  flags: [],
  examples: [
    { line: 'source <(fairlead completion bash)', does: 'in this bash, until it ends; in ~/.bashrc for all' },
    {
      line: 'fairlead completion bash > /usr/share/bash-completion/completions/fairlead',
      does: 'in every bash of this machine that has the package bash-completion',
    },
    { line: 'fairlead completion zsh > ~/.zfunc/_fairlead', does: 'in zsh, with ~/.zfunc in its fpath' },
    {
      line: 'fairlead completion fish > ~/.config/fish/completions/fairlead.fish',
      does: 'in fish',
    },
  ],
  run: async (call) => await (await import('./run.ts')).runCompletion(call),
};
