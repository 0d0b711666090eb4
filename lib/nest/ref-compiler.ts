import { type ExecutionContext } from '@nestjs/common';
import { EntitySchema } from 'typeorm';
import { AlkeyError, describeValue } from '../core/errors.js';
import { type Dependency } from '../core/identifiers/dependency.js';
import { hasIdentifierForm } from '../core/identifiers/identifier.js';
import {
  type EntityCatalog,
  type EntityTarget,
} from '../typeorm/entity-catalog.js';
import { type KeyValue, recordOf } from '../typeorm/entity-key.js';
import { type UniqueRows } from '../typeorm/unique-rows.js';
import { type RefResolver } from './ref-resolver.js';
import {
  parameterOf,
  requireParameter,
  type RouteFacts,
} from './route-parameters.js';
import { type RefAnswer, RowOfRef, RowRef, type RouteRef } from './refs.js';
import { templateOf } from './identifier-template.js';

/** What an answer depends on; `undefined` where the request names no row that could be. */
type Resolved = readonly Dependency[] | undefined;

/** A ref of a route, made ready. */
export interface ReadyRef {
  /** What an answer to this request depends on. */
  readonly resolve: (context: ExecutionContext) => Resolved | Promise<Resolved>;
  /**
   * The route parameters that alone decide it, so that for the same ones it need not be resolved
   * again; `undefined`: a function or a look-up decides.
   */
  readonly parameters: readonly string[] | undefined;
}

/** Turns what `@CacheKeyed` was given into what is done for each request. */
export class RefCompiler {
  constructor(
    private readonly catalog: EntityCatalog,
    private readonly resolver: RefResolver,
    private readonly uniqueRows: UniqueRows,
  ) {}

  /**
   * @throws AlkeyError for a ref that no request can make right: an unknown table or entity, a
   * parameter that the route does not have, a column that is not unique
   */
  compile(refs: readonly RouteRef[], route: RouteFacts): ReadyRef {
    // Without refs it is found out while the handler runs.
    if (refs.length === 0) return always([]);
    const ready = refs.map(ref => this.compileOne(ref, route));
    const [only] = ready;
    if (ready.length === 1 && only) return only;
    const parameters = ready.map(ref => ref.parameters);
    return {
      parameters: parameters.includes(undefined)
        ? undefined
        : parameters.flatMap(names => names ?? []),
      resolve: async context => {
        const resolved = await Promise.all(
          ready.map(ref => ref.resolve(context)),
        );
        return resolved.includes(undefined)
          ? undefined
          : resolved.flatMap(dependencies => dependencies ?? []);
      },
    };
  }

  private compileOne(ref: RouteRef, route: RouteFacts): ReadyRef {
    if (ref instanceof RowOfRef) return this.compileRow(ref, route);
    if (ref instanceof RowRef) return always(this.resolver.require(ref));
    if (ref instanceof EntitySchema) return always(this.catalog.onEntity(ref));
    if (typeof ref === 'string') return this.compileText(ref, route);
    if (typeof ref === 'function') {
      return isRequestFunction(ref, this.catalog)
        ? decided(async context =>
            this.resolveAnswer(await ref(context), route, context),
          )
        : always(this.catalog.onEntity(ref));
    }
    throw new AlkeyError(
      'ALKEY_INVALID_REF',
      `Expected @CacheKeyed on ${route.name} to get entities, rowOf(…), identifiers or functions, ` +
        `got ${describeValue(ref)}.`,
    );
  }

  private compileText(text: string, route: RouteFacts): ReadyRef {
    const template = templateOf(text);
    if (!template) {
      if (!hasIdentifierForm(text)) return always(this.catalog.onEntity(text));
      const resolution = this.resolver.resolve(text);
      return always(
        resolution.kind === 'dependencies'
          ? resolution.dependencies
          : undefined,
      );
    }
    const { table: tableId, values } = template;
    const table = this.catalog.requireTable(tableId);
    const parameters = values.flatMap(value =>
      'parameter' in value ? [value.parameter] : [],
    );
    for (const parameter of parameters) requireParameter(parameter, route);
    if (values.length !== table.key.length) {
      throw new AlkeyError(
        'ALKEY_INVALID_REF',
        `Expected ${describeValue(text)} on ${route.name} to name ${table.key.length} key values ` +
          `of "${table.id}", got ${values.length}.`,
      );
    }
    return {
      parameters,
      resolve: context => {
        const key = values.map(value =>
          'parameter' in value
            ? parameterOf(context, value.parameter)
            : value.text,
        );
        const dependency = this.catalog.onTableRow(table, key);
        return dependency && [dependency];
      },
    };
  }

  private compileRow({ target, from }: RowOfRef, route: RouteFacts): ReadyRef {
    const entities = this.catalog.requireEntities(target);
    const [entity] = entities;
    const key = entity?.metadata.primaryColumns ?? [];
    if (typeof from === 'function') {
      return decided(async context => {
        const answer = await from(context);
        return answer === undefined || answer === null
          ? undefined
          : await this.rowOf(target, answer);
      });
    }
    if (typeof from === 'string') {
      requireParameter(from, route);
      if (key.length !== 1) {
        throw new AlkeyError(
          'ALKEY_INVALID_REF',
          `Expected rowOf(${entity?.metadata.name}, …) on ${route.name} to name a parameter for each of ` +
            `${key.map(({ propertyPath }) => `\`${propertyPath}\``).join(', ')}, got ${describeValue(from)}.`,
        );
      }
      return {
        parameters: [from],
        resolve: context => {
          const value = parameterOf(context, from);
          return value === undefined
            ? undefined
            : this.catalog.onRow(target, value);
        },
      };
    }
    const names = Object.entries(from);
    for (const [, parameter] of names) requireParameter(parameter, route);
    const properties = names.map(([property]) => property);
    const isKey = this.isKey(target, properties);
    if (!isKey) this.uniqueRows.requireUnique(target, properties);
    return {
      parameters: isKey ? names.map(([, parameter]) => parameter) : undefined,
      resolve: context => {
        const record = Object.fromEntries(
          names.map(([property, name]) => [
            property,
            parameterOf(context, name),
          ]),
        );
        return Object.values(record).includes(undefined)
          ? undefined
          : this.rowOf(target, record);
      },
    };
  }

  /** The row with this key, or with these unique values. */
  private rowOf(
    target: EntityTarget,
    key: KeyValue,
  ): Resolved | Promise<Resolved> {
    const record = recordOf(key);
    if (record && !this.isKey(target, Object.keys(record))) {
      this.uniqueRows.requireUnique(target, Object.keys(record));
      return this.uniqueRows.find(target, record);
    }
    return this.catalog.onRow(target, key);
  }

  private isKey(target: EntityTarget, properties: readonly string[]): boolean {
    return this.catalog
      .requireEntities(target)
      .every(
        ({ metadata }) =>
          metadata.primaryColumns.length === properties.length &&
          metadata.primaryColumns.every(({ propertyPath }) =>
            properties.includes(propertyPath),
          ),
      );
  }

  private async resolveAnswer(
    answer: RefAnswer,
    route: RouteFacts,
    context: ExecutionContext,
  ): Promise<Resolved> {
    if (answer === undefined || answer === null) return undefined;
    if (Array.isArray(answer)) {
      const resolved = await Promise.all(
        (answer as readonly RefAnswer[]).map(one =>
          this.resolveAnswer(one, route, context),
        ),
      );
      // Nothing named is nothing to depend on: such an answer would never be outdated.
      return resolved.length === 0 || resolved.includes(undefined)
        ? undefined
        : resolved.flatMap(dependencies => dependencies ?? []);
    }
    if (answer instanceof RowOfRef) {
      return this.compileRow(answer, route).resolve(context);
    }
    if (typeof answer === 'string') {
      return this.compileText(answer, route).resolve(context);
    }
    const resolution = this.resolver.resolve(answer);
    if (resolution.kind === 'dependencies') return resolution.dependencies;
    return resolution.kind === 'no-row'
      ? undefined
      : this.resolver.require(answer);
  }
}

function always(dependencies: Resolved): ReadyRef {
  return { parameters: [], resolve: () => dependencies };
}

/** What a function of the application's says for each request. */
function decided(resolve: ReadyRef['resolve']): ReadyRef {
  return { parameters: undefined, resolve };
}

/** Functions are asked about each request; classes that are entities are refs themselves. */
function isRequestFunction(
  ref: object,
  catalog: EntityCatalog,
): ref is (context: ExecutionContext) => RefAnswer | Promise<RefAnswer> {
  if (catalog.entitiesOf(ref).length > 0) return false;
  return !/^class\b/.test(Function.prototype.toString.call(ref));
}
