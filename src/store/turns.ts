/** Work that lets go now and then, done without letting go. */
export function atOnce<T>(turns: Generator<void, T, void>): T {
  for (;;) {
    const turn = turns.next();
    if (turn.done === true) return turn.value;
  }
}
