import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdir,
  mkdtemp,
  readdir,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';
import { type AlkeyModuleOptions } from 'nestjs-alkey';
import { type DataSourceOptions } from 'typeorm';
import { until } from './redis-servers.js';
import { type Answer } from './start-app.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The library and the apps of `test/support/processes`, as JavaScript that node runs. */
export interface CompiledApps {
  readonly dir: string;
  remove(): Promise<void>;
}

/** A Nest app in a process of its own. */
export interface ChildApp extends AsyncDisposable {
  readonly url: string;
  get(path: string): Promise<Answer>;
  send(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Asks it to close; answers how long after that the process ended by itself, and with what. */
  close(): Promise<{ readonly code: number | null; readonly exitMs: number }>;
  /** Ends it at once (SIGKILL). */
  kill(): Promise<void>;
}

/** Compiles what child processes run; not to `dist`, which a build may be replacing. */
export async function compileApps(): Promise<CompiledApps> {
  const dir = await mkdtemp(join(tmpdir(), 'alkey-apps-'));
  await writeFile(
    join(dir, 'package.json'),
    JSON.stringify({
      name: 'nestjs-alkey',
      type: 'module',
      exports: './lib/index.js',
    }),
  );
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  const files = [
    ...(await sourcesIn('lib')),
    ...(await sourcesIn('test/support/processes')),
    'test/support/shop.ts',
  ];
  await Promise.all(files.map(file => compile(file, dir)));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

/** Starts `test/support/processes/shop-app.ts`; its tables must be there. */
export async function startChildApp(
  { dir }: CompiledApps,
  options: {
    readonly database: DataSourceOptions;
    readonly alkey: AlkeyModuleOptions;
  },
): Promise<ChildApp> {
  const child = spawn(
    process.execPath,
    [join(dir, 'test/support/processes/shop-app.js')],
    {
      env: { ...process.env, OPTIONS: JSON.stringify(options) },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let printed = '';
  child.stdout.on('data', chunk => (printed += chunk));
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await until(() => hasEnded() || printed.includes('listening'));
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
    [Symbol.asyncDispose]: kill,
  };
}

async function ended(child: ChildProcess, end: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  end();
  await exit;
}

async function sourcesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(join(ROOT, folder), {
    recursive: true,
    withFileTypes: true,
  });
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)));
}

async function compile(file: string, dir: string): Promise<void> {
  const { code } = await transformFile(join(ROOT, file), {
    swcrc: false,
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  });
  const target = join(dir, file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, code);
}
