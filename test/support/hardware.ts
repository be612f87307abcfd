const prefix = "hardware: this machine has ";

/** The reason to give to `context.skip` where no program that could be installed would help; everything else missing is red in CI. */
export const missingHardware = (what: string): string => prefix + what;

export const isHardwareMissing = (reason: string | undefined): boolean => reason?.startsWith(prefix) === true;
