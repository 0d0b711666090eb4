import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { signedInId } from './bearer.guard.js';

/** The id of the user that the guard let in, as a handler's parameter. */
export const UserId = createParamDecorator(
  (_: unknown, ctx: ExecutionContext) => signedInId(ctx),
);
