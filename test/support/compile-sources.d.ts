/** Sources of the project, as JavaScript that node runs. */
export interface CompiledSources {
  readonly dir: string;
  remove(): Promise<void>;
}

/** Compiles files and folders, named from the project's root; files that are no TypeScript are copied. */
export function compileSources(
  ...paths: readonly string[]
): Promise<CompiledSources>;
