import { ConfigurableModuleBuilder } from '@nestjs/common';
import { type AlkeyModuleOptions } from './alkey.options.js';

/** What concerns Nest rather than the cache. */
export interface AlkeyModuleExtras {
  /** Whether every module may inject what this one exports without importing it. @default true */
  readonly isGlobal?: boolean;
}

export const {
  ConfigurableModuleClass,
  /** Injection token of the options as they were given. */
  MODULE_OPTIONS_TOKEN: ALKEY_GIVEN_OPTIONS,
  OPTIONS_TYPE,
  ASYNC_OPTIONS_TYPE,
} = new ConfigurableModuleBuilder<AlkeyModuleOptions>({ moduleName: 'Alkey' })
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createAlkeyOptions')
  .setExtras<AlkeyModuleExtras>({ isGlobal: true }, (definition, extras) => ({
    ...definition,
    global: extras.isGlobal ?? true,
  }))
  .build();
