import { derivePublicKey } from "../../../src/adapters/wireguard/keys.ts";

interface ModelPeer {
  endpoint: string;
  allowedIps: string[];
  keepalive: string;
  presharedKey: string;
  handshake: number;
}

/** What `wg` does with an interface, as far as homie asks it to; see wg(8). Speaks in argument vectors and dumps. */
export class WgModel {
  readonly peers: Map<string, ModelPeer> = new Map();
  #privateKey = "(none)";
  #publicKey = "(none)";
  #listenPort = "0";
  /** What `keyFile` of a command holds. */
  readonly #key: () => string;
  /** Addresses that had no owner for a while though they had one before and after a command. */
  readonly orphaned: Set<string> = new Set();

  constructor(key: () => string) {
    this.#key = key;
  }

  run([set, name, ...words]: readonly string[]): void {
    if (set !== "set" || name !== "homie0") throw new Error(`unknown command ${set} ${name}`);
    const before = this.#owned();
    const lost = new Set<string>();
    while (words.length > 0) {
      this.#step(words);
      const now = this.#owned();
      for (const address of before) if (!now.has(address)) lost.add(address);
    }
    for (const address of this.#owned()) if (lost.has(address)) this.orphaned.add(address);
  }

  dump(): string {
    const head = [this.#privateKey, this.#publicKey, this.#listenPort, "off"];
    const peers = [...this.peers].map(([key, peer]) => {
      const allowed = peer.allowedIps.length === 0 ? "(none)" : peer.allowedIps.join(",");
      return [key, peer.presharedKey, peer.endpoint, allowed, String(peer.handshake), "0", "0", peer.keepalive];
    });
    return [head, ...peers].map((line) => `${line.join("\t")}\n`).join("");
  }

  #owned(): Set<string> {
    return new Set([...this.peers.values()].flatMap((peer) => peer.allowedIps));
  }

  #step(words: string[]): void {
    const [option, value = ""] = words.splice(0, 2);
    if (option === "private-key") {
      if (value !== "KEYFILE") throw new Error("a key in an argument vector");
      this.#privateKey = this.#key();
      this.#publicKey = derivePublicKey(this.#privateKey);
      this.peers.delete(this.#publicKey);
    } else if (option === "listen-port") this.#listenPort = value;
    else if (option === "peer") this.#peer(value, words);
    else throw new Error(`unknown option ${option}`);
  }

  #peer(key: string, words: string[]): void {
    if (words[0] === "remove") {
      words.shift();
      this.peers.delete(key);
      return;
    }
    const fresh = { endpoint: "(none)", allowedIps: [], keepalive: "off", presharedKey: "(none)", handshake: 0 };
    const peer: ModelPeer = this.peers.get(key) ?? fresh;
    this.peers.set(key, peer);
    while (words.length > 0 && !["peer", "private-key", "listen-port"].includes(words[0] ?? "")) {
      const [option, value = ""] = words.splice(0, 2);
      if (option === "endpoint") peer.endpoint = value;
      else if (option === "persistent-keepalive") peer.keepalive = value === "0" ? "off" : value;
      else if (option === "preshared-key" && value === "/dev/null") peer.presharedKey = "(none)";
      else if (option === "allowed-ips") this.#own(peer, value === "" ? [] : value.split(","));
      else throw new Error(`unknown option ${option}`);
    }
  }

  /** An address has one owner: who gets it takes it from the one before. */
  #own(peer: ModelPeer, addresses: string[]): void {
    for (const other of this.peers.values()) {
      other.allowedIps = other.allowedIps.filter((address) => !addresses.includes(address));
    }
    peer.allowedIps = addresses;
  }
}
