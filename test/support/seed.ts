import fc from "fast-check";

/**
 * In CI properties run with one seed, so that a red run is about the change and can be repeated; on a developer's machine
 * each run looks somewhere else. HOMIE_FC_SEED chooses one.
 */
const seed = process.env["HOMIE_FC_SEED"] ?? (process.env["CI"] === "true" ? "20261123" : undefined);
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
