/**
 * Highest random weight (Thaler and Ravishankar 1998): who has the highest hash with the Job wins, so each Job has its
 * own order of peers, the same on every machine. FNV-1a, then the finalizer of MurmurHash3, for ids that differ in their
 * last letters. Not for secrets: a peer that grinds its node id wins draws among equals, nothing else.
 */
export function rendezvousHash(uid: string, node: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < uid.length; index += 1) hash = Math.imul(hash ^ uid.charCodeAt(index), 0x01000193);
  // A separator no id contains: ("ab", "c") is not ("a", "bc").
  hash = Math.imul(hash ^ 0x2f, 0x01000193);
  for (let index = 0; index < node.length; index += 1) hash = Math.imul(hash ^ node.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
