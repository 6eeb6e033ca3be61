# The JSON patches that reset the stage and open a gate as `argo resume` does.
include "config";
include "guarded-patch";
# Wakes a workflow that is suspended as a whole: it would never reach a gate.
def wake:
  if .spec.suspend == true then
    [{op: "test", path: "/spec/suspend", value: true}, {op: "remove", path: "/spec/suspend"}]
  else []
  end;

# Gives each output that a person would have supplied its default. The input is the gate.
def supplied:
  .outputs.parameters // []
  | to_entries
  | map(
      select(.value.valueFrom.supplied != null)
      | {
          op: "replace",
          path: "/outputs/parameters/\(.key)",
          value: (.value | .value = .valueFrom.default | del(.valueFrom))
        }
    );

def opened:
  [
    {op: "test", path: "/type", value: "Suspend"},
    {op: "test", path: "/phase", value: "Running"},
    {op: "replace", path: "/phase", value: "Succeeded"},
    {op: "add", path: "/finishedAt", value: (now | floor | todate)},
    {op: "add", path: "/message", value: "resumed by \($config.run)"}
  ]
  + supplied;

def resumed($gates):
  as_read + stage($config.main.resetStage) + wake + ledger({resumed: "true"})
  + [$gates[] | .id as $id | opened[] | .path |= "/status/nodes/\($id | pointer)" + .];
