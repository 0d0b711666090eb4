import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Handlebars from 'handlebars';

const folder = join(projectRoot(import.meta.dirname), 'sample/views');
const templates = new Map<string, Promise<Handlebars.TemplateDelegate>>();

/** Fills in `sample/views/<name>.hbs`, which is compiled once. */
export async function render(name: string, values: object): Promise<string> {
  const template = templates.get(name) ?? compile(name);
  templates.set(name, template);
  return (await template)(values);
}

async function compile(name: string): Promise<Handlebars.TemplateDelegate> {
  return Handlebars.compile(
    await readFile(join(folder, `${name}.hbs`), 'utf8'),
  );
}

// This file runs from sample/src under jest and from sample/dist when built.
function projectRoot(below: string): string {
  return existsSync(join(below, 'package.json'))
    ? below
    : projectRoot(dirname(below));
}
