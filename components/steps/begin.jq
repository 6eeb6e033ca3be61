# What to do so that the ledger says that this run has begun. The input is the main workflow as it is now. The result is ["done", ""],
# ["write", the JSON patch], or the reason why that is impossible: ["taken", the name] or ["ended", the name and how].
# If this run continues the work of another, the round stays the same.
include "config";
include "main-workflow";
include "guarded-patch";
$plan[0] as $plan
| ledger_of as $entry
| if $entry.run == $plan.run and $entry.pushed == $plan.after and $entry.resumed == "false" then ["done", ""]
  elif ($entry.run // "") != ($plan.workflow.ledger.run // "") then
    ["taken", .metadata.name]
  elif has_ended then ["ended", "\(.metadata.name) \(how_it_ended)"]
  else
    [
      "write",
      (as_read
      + ledger({
          head: $plan.head,
          heads: ($plan.branches | map(.sha) | unique | join(",")),
          pushed: $plan.after,
          run: $plan.run,
          round: ($plan.round | tostring),
          resumed: "false",
          outcome: "begun",
          message: "\($plan.run) has begun to restart QA; if that run is gone, start another, which finishes the work: \($again)",
          "pushed-at": ([$plan.pushedAt, ($entry["pushed-at"] // "0" | tonumber)] | max | tostring)
        })
      | tojson)
    ]
  end
