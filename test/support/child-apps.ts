import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type AlkeyModuleOptions } from 'nestjs-alkey';
import { type DataSourceOptions } from 'typeorm';
import { compileSources, type CompiledSources } from './compile-sources.js';
import { until } from './redis-servers.js';
import { type Answer } from './start-app.js';

/** Several start at once on a machine that has other things to do. */
const START_TIMEOUT_MS = 60_000;

/** A Nest app in a process of its own. */
export interface ChildApp extends AsyncDisposable {
  readonly url: string;
  get(path: string): Promise<Answer>;
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Asks it to close; answers how long after that the process ended by itself, and with what. */
  close(): Promise<{ readonly code: number | null; readonly exitMs: number }>;
  /** Ends it at once (SIGKILL). */
  kill(): Promise<void>;
  /** Stops it without a word (SIGSTOP). */
  freeze(): void;
  thaw(): void;
  /** Resolved when the process has ended, however it did. */
  readonly ended: Promise<unknown>;
}

/** The library and the apps of `test/support/processes`, for `startChildApp`. */
export function compileApps(): Promise<CompiledSources> {
  return compileSources(
    'lib',
    'test/support/processes',
    'test/support/shop.ts',
  );
}

/** Starts `test/support/processes/shop-app.ts`; its tables must be there. */
export function startChildApp(
  { dir }: Pick<CompiledSources, 'dir'>,
  options: {
    readonly database: DataSourceOptions;
    readonly alkey: AlkeyModuleOptions;
  },
): Promise<ChildApp> {
  return startApplication(
    join(dir, 'test/support/processes/shop-app.js'),
    options,
  );
}

/** Starts a script that gets its options as JSON in OPTIONS, and says `listening on` its URL. */
export async function startApplication(
  script: string,
  options: object,
): Promise<ChildApp> {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, OPTIONS: JSON.stringify(options) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  let printed = '';
  child.stdout.on('data', chunk => (printed += chunk));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await until(
    () => hasEnded() || printed.includes('listening'),
    START_TIMEOUT_MS,
  );
  const url = /listening on (\S+)/.exec(printed)?.[1];
  if (url === undefined) {
    throw new Error(`The app ended with ${child.exitCode} before it listened.`);
  }
  const ask = async (path: string, init: RequestInit): Promise<Answer> => {
    const response = await fetch(url + path, init);
    return {
      status: response.status,
      body: await response.text(),
      cacheStatus: response.headers.get('cache-status'),
      headers: response.headers,
    };
  };
  const kill = () => ended(child, () => child.kill('SIGKILL'));
  return {
    url,
    get: path => ask(path, {}),
    send: (method, path, body) =>
      ask(path, {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async close() {
      let closedAt: number | undefined;
      child.stdout.on('data', () => {
        if (printed.includes('closed')) closedAt ??= performance.now();
      });
      await ended(child, () => child.stdin.write('close\n'));
      return {
        code: child.exitCode,
        exitMs: performance.now() - (closedAt ?? Number.NaN),
      };
    },
    kill,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    ended: exit,
    [Symbol.asyncDispose]: kill,
  };
}

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  end();
  await exit;
}
