/** Sums of decimal cores (0.1 + 0.2) must not refuse the last slot. */
export const tolerance = 1e-6;

/** False as well where either is no number: what cannot be compared is not lent. */
export function fits(need: number, free: number): boolean {
  return need <= free + tolerance;
}
