# Why a run did not succeed, as one ending, from Argo's list of what failed: JSON in a JSON string, with one entry for each pod and one
# for each container.

# The entries of Argo's list; none if it is something else.
def entries: if type == "string" then (fromjson? // []) | entries elif type == "array" then map(select(type == "object")) else [] end;

# A container that ended because another one failed is no cause (see exitCodes in components/vocabulary/steps.ts). A container without an
# ending was killed or never began. Then only Argo's message says why.
def endings_of_steps:
  .[]
  | select(.displayName | IN(step_containers[]))
  | (.message // "") as $message
  | ($message | ending_in)
    // (select($message | ended_by_others | not)
        | {step: (.displayName | step_of_container), did: ($message | if . == "" then "ended without a message" else . end)});

# A pod's own message is a separate cause if it is not about a step: one of Argo's own containers failed, or the pod was lost.
def endings_of_pods($run):
  .[]
  | select(.displayName // "" | startswith("\($run)("))
  | .message // "" | split("\n")[0] // ""
  | select(. != "" and ([splits(": ")][0] | IN(step_containers[]) | not))
  | sub("^(?<own>init|wait): (Error \\(exit code 64\\): )?"; "Argo\u0027s container \(.own): ")
  | {did: .};

def words: [.step // empty, .did] | join(": ") | sub("\\s+$"; "") | gsub("[[:cntrl:]]"; " ");

# A pod that was tried three times usually fails three times for the same reason.
def distinct: reduce .[] as $each ([]; if any(.[]; words == ($each | words)) then . else . + [$each] end);

# A retried run keeps its configuration. If that cannot work for one of the steps, the run is resubmitted.
def why_failed($run; $status):
  entries
  | [endings_of_steps, endings_of_pods($run)]
  | distinct
  | if . == [] then [{did: "the run ended as \($status) before a step could say why"}] else . end
  | (.[0] | {step, object, cause} | with_entries(select(.value != null)))
    + {
        did: (map(words) | join("; ") | .[:900]),
        passes: all(.[]; .passes == true),
        command: (if any(.[]; .command == "resubmit") then "resubmit" else "retry" end)
      };
