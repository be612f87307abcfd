/** What gossip needs of the world: links to peers that have already proved who they are. Node ids as in trust/identity. */
export interface GossipTransport {
  /** Nodes a message can be sent to right now, without a new dial. */
  neighbours(): readonly string[];
  /** Best effort: may be lost, delayed or doubled; at most 256 KiB. */
  send(to: string, message: Uint8Array): void;
  /** `from` is the proved identity of the link, never a field of the message. */
  receive(onMessage: (from: string, message: Uint8Array) => void): Disposable;
  /** A hint where a node may be dialled, learnt from others; may be wrong or hostile. */
  hint(node: string, endpoints: readonly string[]): void;
}
