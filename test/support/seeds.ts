/**
 * Seeds for a simulator: few for whoever waits for them, more in CI. HOMIE_SEEDS is how many there are then, everywhere; the first with
 * HOMIE_FIRST_SEED, to look at one that failed.
 */
export function seedsOf(count: number, countInCi: number = count): readonly number[] {
  const first = Number(process.env["HOMIE_FIRST_SEED"] ?? 1);
  const length = Number(process.env["HOMIE_SEEDS"] ?? (process.env["CI"] === "true" ? countInCi : count));
  return Array.from({ length }, (_, index) => first + index);
}
