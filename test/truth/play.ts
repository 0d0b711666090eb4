import { Controller, Get, Inject, Param, ParseIntPipe } from '@nestjs/common';
import { DataSource, QueryFailedError } from 'typeorm';
import { AlkeyEvents, CacheKeyed } from 'nestjs-alkey';
import { type CacheSource } from '../../lib/core/events.js';
import { HIT } from '../support/cache-status.js';
import { type StartedApp } from '../support/start-app.js';
import { type Comparable, comparable } from './comparable.js';
import { type Action, type Call, callText, type Program } from './programs.js';
import { type Read } from './read.js';
import { READS } from './reads.js';
import { type World } from './world.js';
import { type Write } from './write.js';

/** Every read as a route whose dependencies are found out. */
@Controller('reads')
export class ReadsController {
  constructor(@Inject(DataSource) private readonly dataSource: DataSource) {}

  @Get(':read/:argument')
  @CacheKeyed()
  async answer(
    @Param('read', ParseIntPipe) at: number,
    @Param('argument', ParseIntPipe) argument: number,
  ): Promise<{ readonly answer: Comparable }> {
    const { run, ordered } = READS[at]!;
    const answer = await run(this.dataSource.manager, argument);
    return { answer: comparable(answer, ordered) };
  }
}

/** An application, and whether it caches queries, too. */
export interface Side {
  readonly app: StartedApp;
  readonly cachesQueries: boolean;
}

/** How often what was asked for came from a cache. */
export interface Rate {
  hits: number;
  asked: number;
}

/** Applications on one world, which play programs one after the other. */
export class Stage {
  readonly queries: Rate = { hits: 0, asked: 0 };
  readonly routes: Rate = { hits: 0, asked: 0 };
  /** How many answers were compared. */
  compared = 0;
  readonly #world: World;
  readonly #sides: readonly Side[];
  /** One connection cannot keep two writers apart. */
  readonly #writesInParallel: boolean;

  constructor(world: World, sides: readonly Side[], writesInParallel: boolean) {
    this.#world = world;
    this.#sides = sides;
    this.#writesInParallel = writesInParallel;
    for (const { app } of sides) {
      const events = app.app.get(AlkeyEvents);
      const count = (source: CacheSource, hits: 0 | 1) => {
        if (source !== 'query') return;
        this.queries.hits += hits;
        this.queries.asked += 1;
      };
      events.on('hit', ({ source }) => count(source, 1));
      events.on('miss', ({ source }) => count(source, 0));
    }
  }

  /**
   * Plays a program on the rows of `seed`.
   *
   * @throws where an answer is not what the database says
   */
  async play({ watched, steps }: Program): Promise<void> {
    await this.#world.reset(this.#sides[0]!.app.dataSource);
    for (const { app } of this.#sides) await app.keys.invalidateAll();
    await this.#compareAll(watched);
    for (const step of steps) {
      const [first, second] = step;
      if (!second) {
        await this.#act(first);
        continue;
      }
      const writes = step.filter(({ kind }) => kind === 'write').length;
      if (writes === 2 && !this.#writesInParallel) {
        await this.#act(first);
        await this.#act(second);
      } else if (writes === 0) {
        await Promise.all([this.#act(first), this.#act(second)]);
      } else {
        // A read that runs beside a write may answer what was before or what is after it.
        await Promise.all(
          step.map(action =>
            action.kind === 'write'
              ? this.#write(action)
              : this.#answer(action.kind, action.side, action.call),
          ),
        );
      }
    }
    await this.#compareAll(watched);
  }

  async #act(action: Action): Promise<void> {
    if (action.kind === 'write') await this.#write(action);
    else await this.#compare(action.kind, action.side, action.call);
  }

  async #write({
    side,
    call,
  }: {
    readonly side: number;
    readonly call: Call<Write>;
  }): Promise<void> {
    const { manager } = this.#at(side).app.dataSource;
    try {
      await call.operation.run(manager, call.argument);
    } catch (error) {
      // A constraint or another writer refused it; what it wrote before counts all the same.
      if (!(error instanceof QueryFailedError)) throw error;
    }
  }

  async #compareAll(watched: readonly Call<Read>[]): Promise<void> {
    for (const call of watched) {
      for (const [at, { cachesQueries }] of this.#sides.entries()) {
        await this.#compare('route', at, call);
        if (cachesQueries) await this.#compare('query', at, call);
      }
    }
  }

  async #compare(
    kind: 'query' | 'route',
    side: number,
    call: Call<Read>,
  ): Promise<void> {
    const answer = await this.#answer(kind, side, call);
    const { operation, argument } = call;
    const manager = this.#world.uncached(this.#at(side).app.dataSource);
    const truth = comparable(
      await operation.run(manager, argument),
      operation.ordered,
    );
    this.compared += 1;
    const [got, expected] = [JSON.stringify(answer), JSON.stringify(truth)];
    if (got === expected) return;
    throw new Error(
      `${kind} at ${side} answered ${callText(call)} otherwise than the database\nanswer   ${got}\ndatabase ${expected}`,
    );
  }

  async #answer(
    kind: 'query' | 'route',
    side: number,
    { operation, argument }: Call<Read>,
  ): Promise<Comparable> {
    const { app, cachesQueries } = this.#at(side);
    if (kind === 'query' && cachesQueries) {
      const { manager } = app.dataSource;
      return comparable(
        await operation.run(manager, argument),
        operation.ordered,
      );
    }
    const response = await app.get(
      `/reads/${READS.indexOf(operation)}/${argument}`,
    );
    this.routes.asked += 1;
    if (HIT.test(response.cacheStatus ?? '')) this.routes.hits += 1;
    if (response.status !== 200) {
      throw new Error(`${callText({ operation, argument })}: ${response.body}`);
    }
    return (JSON.parse(response.body) as { readonly answer: Comparable })
      .answer;
  }

  #at(side: number): Side {
    return this.#sides[side % this.#sides.length]!;
  }
}
