import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { commandsToTry } from './commands-to-try.js';

const port = Number(process.env['PORT'] ?? 3000);
const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();

try {
  await app.listen(port);
  console.log(commandsToTry(`http://localhost:${port}`));
} catch (error) {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
  console.error(
    `Port ${port} is taken. Choose another one: PORT=${port + 1} npm start`,
  );
  await app.close();
  process.exitCode = 1;
}
