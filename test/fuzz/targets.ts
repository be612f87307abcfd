import type { FuzzTarget } from "./target.ts";
import { linkFrameTarget, logFrameTarget } from "./targets/frames.ts";
import { gossipMessageTarget, gossipStepTarget } from "./targets/gossip.ts";
import { answerTarget, claimTarget, inputListTarget, offerTarget, reportTarget } from "./targets/messages.ts";
import { pathFrameTarget, pathMessageTarget } from "./targets/paths.ts";
import { bundleContentsTarget, bundleTarget, joinRequestTarget } from "./targets/pastes.ts";
import { beaconTarget, recordTarget } from "./targets/records.ts";
import { exchangeTarget, membershipTarget, statementTarget } from "./targets/statements.ts";
import { tarTarget } from "./targets/tar.ts";
import { yamlTarget } from "./targets/yaml.ts";

/** Every reader of what strangers, members and files say. */
export async function openTargets(): Promise<readonly FuzzTarget[]> {
  return [
    ...[await tarTarget(), yamlTarget(), joinRequestTarget(), bundleTarget(), bundleContentsTarget()],
    ...[
      statementTarget(),
      membershipTarget(),
      recordTarget(),
      beaconTarget(),
      gossipMessageTarget(),
      gossipStepTarget(),
    ],
    ...[logFrameTarget(), linkFrameTarget(), claimTarget(), offerTarget(), inputListTarget(), reportTarget()],
    ...[answerTarget(), exchangeTarget(), pathMessageTarget(), pathFrameTarget()],
  ];
}
