import { importBusybox, startPrivateEngine, whyNoPrivateEngine, type TestEngine } from "../../support/engine.ts";
import { House, type Place } from "./house.ts";
import { whyNoLan } from "./lan.ts";

/** Why no crew of machines with engines can be had here; undefined when it can. */
export async function whyNoEngineHouse(): Promise<string | undefined> {
  return (await whyNoLan()) ?? (await whyNoPrivateEngine());
}

/** A machine whose daemon has a dockerd of its own: what one house has, the others have not. */
export class EngineHouse extends House {
  readonly engine: TestEngine;

  private constructor(
    engine: TestEngine,
    identity: { readonly name: string; readonly place: string | Place | undefined },
    config: Readonly<Record<string, string | number>>,
  ) {
    super(identity.name, config, identity.place);
    this.engine = engine;
  }

  /** The engine has no image yet. `close` ends it; who does not get this far has nothing to close. */
  static async open(
    name: string,
    config: Readonly<Record<string, string | number>>,
    place?: string | Place,
  ): Promise<EngineHouse> {
    return new EngineHouse(await startPrivateEngine(), { name, place }, config);
  }

  protected override get dockerHost(): string {
    return this.engine.host;
  }

  /** Brings static busybox to this engine only. Answers the image's name. */
  async loadTestImage(): Promise<string> {
    await importBusybox(this.engine.docker);
    return this.engine.image;
  }

  /** Names of the images of this engine, with their tags. */
  async images(): Promise<readonly string[]> {
    return (await this.engine.docker.listImages()).flatMap(({ RepoTags }) => RepoTags ?? []).toSorted();
  }

  /** Ids of the containers that homie made here and has not removed. */
  async containers(): Promise<readonly string[]> {
    const filters = { label: ["homie.uid"] };
    return (await this.engine.docker.listContainers({ all: true, filters })).map(({ Id }) => Id);
  }

  override async close(): Promise<void> {
    try {
      await super.close();
    } finally {
      await this.engine.stop();
    }
  }
}
