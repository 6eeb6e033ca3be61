include "config";
# How a main workflow ended, in words; null if it has not ended. A main workflow that was told to stop, or has only its exit
# handler and hooks left, begins no more rounds, although its phase is Running. A gate that waits there must stay closed.
def how_it_ended:
  .metadata.name as $name
  | if .status.phase // "" | IN("Succeeded", "Failed", "Error") then "ended (\(.status.phase))"
    elif (.spec.shutdown // "") != "" then "was told to stop (spec.shutdown: \(.spec.shutdown))"
    elif any(
      .status.nodes // {} | .[];
      (.name // "" | startswith("\($name).onExit"))
      or (.name == $name and (.phase | IN("Succeeded", "Failed", "Error", "Skipped", "Omitted")))
    ) then "reached its exit handler"
    else null
    end;

def has_ended: how_it_ended != null;

# The main workflows of this repository in a list, reduced to what is needed here. A Workflow has several hundred kilobytes.
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
