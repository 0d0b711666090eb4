import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Surroundings } from './process/compared-cache.js';
import { type GatePoint } from './process/gates.js';
import {
  type CacheName,
  type Message,
  type Order,
  type Reading,
} from './process/main.js';

const MAIN = fileURLToPath(new URL('process/main.js', import.meta.url));
const WRONG_CLOCK = new URL('process/wrong-clock.js', import.meta.url).href;

/** A gate that a process is to stop at. */
export interface ClosedGate {
  /** Resolved when the process stands there. */
  readonly reached: Promise<void>;
  open(): Promise<void>;
}

/** A process of the application, seen by the scenario. */
export class Member {
  private orders = 0;

  private constructor(private readonly child: ChildProcess) {
    child.setMaxListeners(0);
  }

  static async start(
    cache: CacheName,
    around: Surroundings,
    clockOffsetMs: number,
  ): Promise<Member> {
    const child = fork(MAIN, {
      execArgv: clockOffsetMs === 0 ? [] : ['--import', WRONG_CLOCK],
      env: {
        ...process.env,
        COMPARED: JSON.stringify({ cache, around }),
        CLOCK_OFFSET_MS: `${clockOffsetMs}`,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const member = new Member(child);
    await member.message(({ kind }) => kind === 'ready');
    return member;
  }

  async read(id: number): Promise<Reading> {
    const answer = await this.obey({ do: 'read', id });
    if (!answer) throw new Error('Expected a read to be answered.');
    return answer;
  }

  async write(id: number, text: string): Promise<void> {
    await this.obey({ do: 'write', id, text });
  }

  async rollBack(id: number, text: string): Promise<void> {
    await this.obey({ do: 'rollBack', id, text });
  }

  async stopAt(point: GatePoint): Promise<ClosedGate> {
    await this.obey({ do: 'close', point });
    const reached = this.message(
      message => message.kind === 'reached' && message.point === point,
    );
    return {
      reached: reached.then(() => undefined),
      open: async () => void (await this.obey({ do: 'open', point })),
    };
  }

  /** Ends it at once (SIGKILL). */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  private async obey(what: Order): Promise<Reading | undefined> {
    const order = (this.orders += 1);
    const answered = this.message(
      message => 'order' in message && message.order === order,
    );
    this.child.send({ ...what, order });
    const message = await answered;
    if (message.kind === 'failed') throw new Error(message.reason);
    return message.kind === 'done' ? message.answer : undefined;
  }

  /** The first such message; rejected when the process ends before. */
  private message(isIt: (message: Message) => boolean): Promise<Message> {
    const { child } = this;
    return new Promise((resolve, reject) => {
      const settle = () => {
        child.off('message', onMessage);
        child.off('exit', onExit);
      };
      const onMessage = (message: Message) => {
        if (!isIt(message)) return;
        settle();
        resolve(message);
      };
      const onExit = () => {
        settle();
        reject(new Error('The process has ended.'));
      };
      child.on('message', onMessage);
      child.on('exit', onExit);
    });
  }
}
