import { type ChildApp, startApplication } from '../support/child-apps.js';
import { type SoakAppOptions } from './app/soak-app.js';
import { type Random } from './random.js';

/** The application processes of a run; one that ends is started again. */
export class Fleet {
  private readonly places: (ChildApp | undefined)[] = [];
  private keeping: readonly Promise<void>[] = [];
  private isStopped = false;

  constructor(
    private readonly script: string,
    private readonly optionsOf: (place: number) => SoakAppOptions,
  ) {}

  /** Resolved when all of them listen. */
  async start(apps: number): Promise<void> {
    const places = Array.from({ length: apps }, (_, place) => place);
    await Promise.all(places.map(place => this.fill(place)));
    this.keeping = places.map(place => this.keep(place));
  }

  get live(): readonly ChildApp[] {
    return this.places.filter(app => app !== undefined);
  }

  /** One that runs; `undefined` while none does. */
  any(random: Random): ChildApp | undefined {
    const { live } = this;
    return live.length === 0 ? undefined : random.of(live);
  }

  /** One that may be ended while another goes on. */
  spare(random: Random): ChildApp | undefined {
    return this.live.length > 1 ? this.any(random) : undefined;
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.live.map(app => app.kill()));
    await Promise.all(this.keeping);
    await Promise.all(this.live.map(app => app.kill()));
  }

  private async fill(place: number): Promise<void> {
    this.places[place] = await startApplication(
      this.script,
      this.optionsOf(place),
    );
  }

  private async keep(place: number): Promise<void> {
    while (!this.isStopped) {
      await this.places[place]?.ended;
      this.places[place] = undefined;
      if (this.isStopped) return;
      try {
        await this.fill(place);
      } catch {
        // Another fault met it while it started, and it said so itself.
      }
    }
  }
}
