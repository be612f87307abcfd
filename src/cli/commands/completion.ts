import type { CommandContext } from "../context.ts";
import { exitCodes } from "../exit-codes.ts";
import { HomieError } from "../../resources/errors.ts";

/** The scripts only ask `homie __complete`; what can follow is decided in one place for all shells. */
const scripts: Readonly<Record<string, string>> = {
  bash: `# homie completion for bash: source <(homie completion bash)
_homie() {
  local IFS=$'\\n'
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  # bash splits words at "=" and ":"; a reply must begin at the last such break
  COMPREPLY=($(homie __complete -- "\${words[@]}" 2>/dev/null))
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == */ ]]; then compopt -o nospace; fi
  if [[ \${#COMPREPLY[@]} -eq 0 ]]; then compopt -o default; fi
}
complete -F _homie homie
`,
  zsh: `#compdef homie
# homie completion for zsh: source <(homie completion zsh)
_homie() {
  local -a found
  found=("\${(@f)$(homie __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=("\${(@)found:#}")
  if (( \${#found} )); then compadd -- "\${found[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" == _homie ]]; then _homie "$@"; else compdef _homie homie; fi
`,
  fish: `# homie completion for fish: homie completion fish | source
function __homie_complete
    set -l words (commandline -opc) (commandline -ct)
    homie __complete -- $words[2..-1] 2>/dev/null
end
complete -c homie -a '(__homie_complete)'
`,
};

export async function runCompletion(context: CommandContext, shell: string): Promise<number> {
  const script = scripts[shell];
  if (script === undefined)
    throw new HomieError("Usage", `there is no completion for ${JSON.stringify(shell)}`, {
      hint: "there is bash, zsh and fish",
    });
  await context.terminal.output.write(script);
  return exitCodes.ok;
}
