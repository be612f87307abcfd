import { createHash } from "node:crypto";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import type { JoinRequest } from "./join-request.ts";

const words = 6;
const bitsPerWord = 11;

/**
 * 66 bits as six words of the BIP-39 list. Over the whole request (all keys of the joiner) and the inviter's raw identity key:
 * equal on both screens exactly when nobody in between swapped a key. People compare them, programs never do.
 */
export function fingerprintWords(request: Pick<JoinRequest, "hash">, inviter: Uint8Array): readonly string[] {
  const digest = createHash("sha256")
    .update("homie/fingerprint/1\0")
    .update(Buffer.from(request.hash, "base64url"))
    .update(inviter)
    .digest();
  return wordsOf(digest);
}

/** As fingerprintWords, over the request alone: to be compared before anybody answers it. */
export function requestWords(request: Pick<JoinRequest, "hash">): readonly string[] {
  const hash = createHash("sha256").update("homie/request-words/1\0");
  return wordsOf(hash.update(Buffer.from(request.hash, "base64url")).digest());
}

function wordsOf(digest: Buffer): readonly string[] {
  const bits = BigInt(`0x${digest.toString("hex")}`);
  return Array.from({ length: words }, (_, index) => {
    const word = bits >> BigInt(256 - (index + 1) * bitsPerWord);
    return wordlist[Number(word & 2047n)] ?? "";
  });
}
