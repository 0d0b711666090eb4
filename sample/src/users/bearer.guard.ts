import {
  type CanActivate,
  type ExecutionContext,
  UnauthorizedException,
} from '@nestjs/common';
import { type User } from '../entities/user.entity.js';
import { DEMO_USERS } from './demo-users.js';

interface SignedInRequest {
  readonly headers: { readonly authorization?: string };
  user?: User;
}

/** Lets in whom `Authorization: Bearer <token>` proves to be one of the users. */
export class BearerGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = requestOf(context);
    const [, token = ''] =
      /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const user = DEMO_USERS.get(token);
    if (!user) {
      throw new UnauthorizedException('Send Authorization: Bearer ada-token');
    }
    request.user = user;
    return true;
  }
}

/** The id of the user that the guard let in. */
export function signedInId(context: ExecutionContext): number {
  const { user } = requestOf(context);
  if (!user) throw new UnauthorizedException('Nobody is signed in here');
  return user.id;
}

function requestOf(context: ExecutionContext): SignedInRequest {
  return context.switchToHttp().getRequest<SignedInRequest>();
}
