#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { runCleanup } from './cli/cleanup.ts';
import { runDryRun } from './cli/dry-run.ts';
import { runInit } from './cli/init.ts';
import { runDaemon } from './cli/run.ts';
import { writeConfig } from './cli/write-config.ts';
import { loadSettings } from './config/load.ts';
import { exitCodeOf, messageOf } from './failure.ts';

/** Runs one command and returns the exit code: 0, 1 for a failure at run time, 2 for wrong usage. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    const loaded = loadSettings(argv, { readFile: (path) => readFileSync(path, 'utf8'), hostname });
    if (loaded.kind === 'print') {
      process.stdout.write(loaded.text.endsWith('\n') ? loaded.text : `${loaded.text}\n`);
      return 0;
    }
    const { settings, notes } = loaded;
    if (settings.dryRun) return await runDryRun(settings, notes);
    if (settings.writeConfigTo !== undefined) return writeConfig(settings.writeConfigTo, settings);
    if (settings.cleanup) return await runCleanup(settings);
    if (settings.initOnly) return await runInit(settings);
    return await runDaemon(settings, notes);
  } catch (error) {
    process.stderr.write(`fairlead: ${messageOf(error)}\n`);
    return exitCodeOf(error);
  }
}

process.exitCode = await main(process.argv.slice(2));
