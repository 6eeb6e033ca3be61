include "config";
# What was told to stop, or is over but for exit handler and hooks, begins no round any more, though Argo calls it
# Running: a gate that waits there is none of ours. Gives the words for it, or null.
def how_it_ended:
  .metadata.name as $name
  | if .status.phase // "" | IN("Succeeded", "Failed", "Error") then "ended (\(.status.phase))"
    elif (.spec.shutdown // "") != "" then "was told to end (spec.shutdown: \(.spec.shutdown))"
    elif any(
      .status.nodes // {} | .[];
      (.name // "" | startswith("\($name).onExit"))
      or (.name == $name and (.phase | IN("Succeeded", "Failed", "Error", "Skipped", "Omitted")))
    ) then "came to its exit handler"
    else null
    end;

def has_ended: how_it_ended != null;

# From a list: those of this repository. A Workflow has some hundred kilobytes; this is what counts of it.
def main_workflows: [
  .items[]
  | select(of_this_repository($config.main.repositoryLabel))
  | {
      name: .metadata.name,
      uid: .metadata.uid,
      stage: .metadata.labels[$config.main.stageLabel],
      ledger: ledger_of,
      ended: how_it_ended,
      phase: .status.phase,
      packed: ((.status.compressedNodes // "") != "" or (.status.offloadNodeStatusVersion // "") != "")
    }
];
