// One candidate on one database in a process of its own: told what it is by the first message, what to do by the others.
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AlkeyModule, CacheKeyService } from 'nestjs-alkey';
import { inspect } from 'node:util';
import { DataSource, EntitySchema } from 'typeorm';
// What handlers are run by, beneath routes and stores, so that nothing else is measured.
import { Recorder } from '../../../dist/nest/recorder.js';
import { RefResolver } from '../../../dist/nest/ref-resolver.js';
import { UndeclaredReads } from '../../../dist/nest/undeclared-reads.js';
import { orders } from '../processes.mjs';
import { timed } from '../rounds.mjs';
import { storeAnswers, STORE_TIMEOUT_MS } from '../store.mjs';

const ROWS = 20;

const User = new EntitySchema({
  name: 'User',
  tableName: 'users',
  columns: {
    id: { type: Number, primary: true },
    name: { type: String },
    email: { type: String },
  },
});

let candidate;
for await (const order of orders()) {
  if (candidate) process.send(await candidate[order.what](order));
  else {
    candidate = await open(order);
    process.send('open');
  }
}
await candidate?.close();

async function open({ database, seeds, alkey, run, hasRecorded }) {
  const imports = [
    TypeOrmModule.forRoot({
      ...database,
      entities: [User],
      synchronize: seeds,
    }),
  ];
  if (alkey) {
    imports.push(
      AlkeyModule.forRoot({
        ...alkey,
        undeclared: run === 'checked' ? 'warn' : 'off',
        storeTimeoutMs: STORE_TIMEOUT_MS,
      }),
    );
  }
  const app = await NestFactory.createApplicationContext(
    { module: class {}, imports },
    { logger: ['error'], abortOnError: false },
  );
  const users = app.get(DataSource).getRepository(User);
  if (seeds) {
    await users.insert(
      Array.from({ length: ROWS }, (_, index) => ({
        id: index + 1,
        name: `User ${index + 1}`,
        email: `user${index + 1}@example.com`,
      })),
    );
  }
  if (alkey) await storeAnswers(app.get(CacheKeyService));
  if (hasRecorded) await app.get(Recorder).record(handlerOf(1), new Map());

  /** Reads so many rows, one after the other, as a handler may. */
  function handlerOf(reads) {
    return async () => {
      const found = [];
      for (let id = 1; id <= reads; id += 1) {
        found.push(await users.findOneBy({ id }));
      }
      return found;
    };
  }

  let wraps = 0;
  /** How a handler is run, by the name of the way. */
  const runs = {
    plain: handler => handler,
    checked(handler) {
      const checks = app.get(UndeclaredReads);
      const declared = app.get(RefResolver).require('alkey:users#*');
      return () => checks.check('handler', declared, handler);
    },
    first: handler => recording(handler, new Map()),
    async known(handler) {
      const { recorded } = await app.get(Recorder).record(handler, new Map());
      const { identifiers, tokens } = recorded;
      return recording(
        handler,
        new Map(identifiers.map((each, index) => [each, tokens[index]])),
      );
    },
    wrapped(handler) {
      const keys = app.get(CacheKeyService);
      return () => keys.wrap(['handler', (wraps += 1)], handler);
    },
  };

  function recording(handler, known) {
    const recorder = app.get(Recorder);
    return async () => {
      const { value, recorded } = await recorder.record(handler, known);
      if (recorded.reason !== undefined) {
        throw new Error(`A recording is not kept: ${recorded.reason}.`);
      }
      return value;
    };
  }

  return {
    async agree({ reads }) {
      const handle = await runs[run](handlerOf(reads));
      return inspect([await handle(), await handle()], { depth: null });
    },
    async measure({ reads, calls }) {
      const handle = await runs[run](handlerOf(reads));
      return timed(calls, async () => {
        for (let call = 0; call < calls; call += 1) await handle();
      });
    },
    close: () => app.close(),
  };
}
