# The beginning of each JSON patch of a main workflow: tests that it is the planned one, and that its stage and ledger have not changed
# since they were read. The input is the workflow that was read last.
include "config";
def pointer: gsub("~"; "~0") | gsub("/"; "~1");

def label_path($key): "/metadata/labels/" + ($key | pointer);

def annotation_path($key): "/metadata/annotations/" + (ledger_key($key) | pointer);

def as_read:
  [{op: "test", path: "/metadata/uid", value: .metadata.uid}]
  + [
      .metadata.labels[$config.main.stageLabel] // empty
      | {op: "test", path: label_path($config.main.stageLabel), value: .}
    ]
  + [("pushed-at", "run") as $key | ledger_of[$key] // empty | {op: "test", path: annotation_path($key), value: .}]
  + (if .metadata.annotations == null then [{op: "add", path: "/metadata/annotations", value: {}}] else [] end);

def stage($value): [{op: "add", path: label_path($config.main.stageLabel), value: $value}];

def ledger($values): $values | to_entries | map({op: "add", path: annotation_path(.key), value: .value});
