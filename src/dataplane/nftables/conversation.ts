import { execa } from 'execa';

/** A program that is spoken to while it runs. */
export interface Conversation {
  /** Gives text to its standard input. */
  say(text: string): void;
  /** Ends it, at once. */
  end(): void;
}

export interface ConversationListener {
  /** Called with each line of its standard error; what it prints elsewhere is nobody's business. */
  onErrorLine(line: string): void;
  /** Called once when it is gone, whoever ended it, or was never there. */
  onEnd(): void;
}

/** Starts a program to speak to. */
export type OpenConversation = (
  program: string,
  args: readonly string[],
  listener: ConversationListener,
) => Conversation;

export const openConversation: OpenConversation = (program, args, { onErrorLine, onEnd }) => {
  const subprocess = execa(program, args, {
    reject: false,
    buffer: false,
    stdin: 'pipe',
    stdout: 'ignore',
    stderr: 'pipe',
    // One language; and no file with what was typed.
    env: { LC_ALL: 'C', HOME: '/nonexistent' },
  });
  let unfinished = '';
  subprocess.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (unfinished + chunk).split('\n');
    unfinished = lines.pop() ?? '';
    for (const line of lines) onErrorLine(line);
  });
  // Who is gone does not listen: that it is gone is told by its end.
  subprocess.stdin.on('error', () => {});
  void subprocess.then(onEnd);
  return {
    say: (text) => void subprocess.stdin.write(text),
    end: () => void subprocess.kill('SIGKILL'),
  };
};
