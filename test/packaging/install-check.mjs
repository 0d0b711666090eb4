// Does the packed tarball work in new apps of the oldest and the newest kind that we support?
//
// Each app installs it from npm's own cache, compiles with tsc, boots and answers over HTTP.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const source = fileURLToPath(new URL('app/main.ts', import.meta.url));
const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript')), 'tsc.js');

const shared = {
  '@types/node': '20.19.43',
  'cache-manager': '7.2.9',
  keyv: '5.6.0',
  'reflect-metadata': '0.2.2',
  rxjs: '7.8.2',
  'sql.js': '1.16.0',
};

const apps = [
  {
    title: 'Nest 12, TypeORM 1, ES modules',
    type: 'module',
    dependencies: {
      '@nestjs/common': '12.5.1',
      '@nestjs/core': '12.5.1',
      '@nestjs/platform-express': '12.5.1',
      '@nestjs/typeorm': '12.0.2',
      typeorm: '1.1.1',
    },
    compilerOptions: { module: 'nodenext', moduleResolution: 'nodenext' },
    starts: [{ title: 'import', nodeArgs: [] }],
  },
  {
    title: 'Nest 11, TypeORM 0.3, CommonJS',
    type: 'commonjs',
    dependencies: {
      '@nestjs/common': '11.2.10',
      '@nestjs/core': '11.2.10',
      '@nestjs/platform-express': '11.2.10',
      '@nestjs/typeorm': '11.0.3',
      typeorm: '0.3.28',
    },
    compilerOptions: {
      module: 'commonjs',
      moduleResolution: 'node10',
      ignoreDeprecations: '6.0',
    },
    starts: [
      { title: 'require of the ES modules', nodeArgs: [] },
      {
        title: 'require of the CommonJS files',
        nodeArgs: ['--no-experimental-require-module'],
      },
    ],
  },
];

/** Rejects with what differed, in the first app where something did. */
export async function checkInstalls(tarball) {
  const root = await mkdtemp(join(tmpdir(), 'alkey-install-'));
  try {
    const dirs = await Promise.all(
      apps.map((app, index) => install(app, join(root, `${index}`), tarball)),
    );
    for (const [index, app] of apps.entries()) {
      await compile(app, dirs[index]);
      await checkOneInstance(dirs[index]);
      for (const start of app.starts) {
        await checkAnswers(dirs[index], start.nodeArgs);
        console.log(`ok: ${app.title}, ${start.title}`);
      }
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function install({ type, dependencies }, dir, tarball) {
  await mkdir(dir);
  await writeFile(
    join(dir, 'package.json'),
    JSON.stringify({
      private: true,
      type,
      dependencies: {
        ...shared,
        ...dependencies,
        'nestjs-alkey': `file:${tarball}`,
      },
    }),
  );
  await run(
    'npm',
    [
      'install',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--no-package-lock',
      '--ignore-scripts',
    ],
    { cwd: dir, shell: process.platform === 'win32' },
  );
  return dir;
}

async function compile({ title, compilerOptions }, dir) {
  await copyFile(source, join(dir, 'main.ts'));
  await writeFile(
    join(dir, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: {
        ...compilerOptions,
        target: 'es2023',
        strict: true,
        experimentalDecorators: true,
        emitDecoratorMetadata: true,
        esModuleInterop: true,
        // our own declarations are checked, not those of every package
        skipLibCheck: true,
        types: ['node'],
        outDir: 'dist',
        rootDir: '.',
      },
      files: ['main.ts'],
    }),
  );
  await run(process.execPath, [tsc], { cwd: dir }).catch(error => {
    throw new Error(`${title} does not compile:\n${error.stdout}`, {
      cause: error,
    });
  });
}

/** A class that exists twice would break injection, where an app mixes `import` and `require`. */
async function checkOneInstance(dir) {
  const program = `
    import assert from 'node:assert/strict';
    import { createRequire } from 'node:module';
    import * as imported from 'nestjs-alkey';
    const required = createRequire(import.meta.url)('nestjs-alkey');
    assert.equal(imported.AlkeyModule, required.AlkeyModule);
  `;
  await writeFile(join(dir, 'one-instance.mjs'), program);
  await run(process.execPath, ['one-instance.mjs'], { cwd: dir });
}

async function checkAnswers(dir, nodeArgs) {
  const { REDIS_URL: _, NODE_ENV: __, ...env } = process.env;
  const app = spawn(process.execPath, [...nodeArgs, 'dist/main.js'], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const url = await address(app);
    for (const name of ['Ada', 'Grace']) {
      await write(url, name);
      await expectMissThenHit(url, name);
      await expectQueriesAnswered(url, name);
    }
  } finally {
    const exit = app.exitCode === null ? once(app, 'exit') : undefined;
    app.kill('SIGKILL');
    await exit;
  }
}

async function address(app) {
  for await (const line of createInterface({ input: app.stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1];
    if (url) return url;
    console.log(line);
  }
  throw new Error('The app ended before it listened.');
}

async function write(url, name) {
  const response = await fetch(`${url}/users/1`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });
  assert.equal(response.status, 201);
}

async function expectMissThenHit(url, name) {
  const row = { id: 1, name };
  for (const [path, body] of [
    ['/users/1', row],
    ['/users', [row]],
    ['/users/recorded', [row]],
  ])
    for (const status of [/^alkey; fwd=miss/, /^alkey; hit/]) {
      const response = await fetch(url + path);
      assert.match(response.headers.get('cache-status') ?? 'none', status);
      assert.deepEqual(await response.json(), body);
    }
}

/** The same query twice: the second is answered without the database. */
async function expectQueriesAnswered(url, name) {
  const ask = async () => (await fetch(`${url}/users/queried`)).json();
  const first = await ask();
  const second = await ask();
  assert.deepEqual(first.users, [{ id: 1, name }]);
  assert.deepEqual(second.users, [{ id: 1, name }]);
  assert.equal(second.queryHits, first.queryHits + 1);
}
