// TypeScript sources as JavaScript that node runs, for processes that are started outside of Jest.
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Compiles files and folders of the project; not to `dist`, which a build may be replacing. */
export async function compileSources(...paths) {
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
  const files = (await Promise.all(paths.map(filesAt))).flat();
  await Promise.all(files.map(file => compile(file, dir)));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

async function filesAt(path) {
  if ((await stat(join(ROOT, path))).isFile()) return [path];
  const entries = await readdir(join(ROOT, path), {
    recursive: true,
    withFileTypes: true,
  });
  return entries
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)));
}

async function compile(file, dir) {
  const target = join(dir, file.replace(/\.ts$/, '.js'));
  await mkdir(dirname(target), { recursive: true });
  if (!file.endsWith('.ts')) {
    await copyFile(join(ROOT, file), target);
    return;
  }
  const { code } = await transformFile(join(ROOT, file), {
    swcrc: false,
    jsc: {
      target: 'es2023',
      parser: { syntax: 'typescript', decorators: true },
      transform: { legacyDecorator: true, decoratorMetadata: true },
    },
    module: { type: 'es6' },
  });
  await writeFile(target, code);
}
