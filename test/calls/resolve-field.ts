import { type Type } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { defer, lastValueFrom } from 'rxjs';
import { CacheKeyedInterceptor } from 'nestjs-alkey';
import { CallAnswers } from '../../lib/nest/call-answers.js';
import { RouteResponses } from '../../lib/nest/route-responses.js';
import { type StartedApp } from '../support/start-app.js';

const INFO = {
  operation: { operation: 'query' },
  parentType: { name: 'Query' },
  fieldName: 'field',
  fieldNodes: [],
  fragments: {},
  variableValues: {},
};

/** What a field of a query is asked with. */
export interface AskedField {
  readonly context: object;
  readonly args?: object;
}

/** What a field is answered whose resolver, a method of `owner`, would answer what `handle` does. */
export async function resolveField(
  { app }: StartedApp,
  owner: Type,
  method: string,
  { context, args = {} }: AskedField,
  handle: () => Promise<unknown>,
): Promise<unknown> {
  const host = new ExecutionContextHost(
    [undefined, args, context, INFO],
    owner,
    Reflect.get(owner.prototype as object, method) as () => unknown,
  );
  host.setType('graphql');
  const interceptor = new CacheKeyedInterceptor(
    app.get(RouteResponses),
    app.get(CallAnswers),
  );
  return lastValueFrom(
    await interceptor.intercept(host, { handle: () => defer(handle) }),
  );
}
