import {
  createParamDecorator,
  Injectable,
  type PipeTransform,
} from '@nestjs/common';
import { CacheKeyService } from './cache-key.service.js';

/** What `@CacheKey()` hands to a handler: `CacheKeyService.key`. */
export type KeyFunction = (...parts: readonly unknown[]) => Promise<string>;

/** A parameter decorator has no injector; the pipe that it names has. */
@Injectable()
export class KeyFunctionPipe implements PipeTransform<unknown, KeyFunction> {
  constructor(private readonly keys: CacheKeyService) {}

  transform(): KeyFunction {
    return (...parts) => this.keys.key(...parts);
  }
}

const keyFunction = createParamDecorator(() => undefined);

/** Hands the handler the function that composes cache keys: `(...parts) => Promise<string>`. */
export function CacheKey(): ParameterDecorator {
  return keyFunction(KeyFunctionPipe);
}
