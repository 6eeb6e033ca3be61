# What was begun and is carried on belongs to the round in which it was begun. QA begins on whatever the branches stand
# at. From the main workflow as it is now and the plan: ["done", ""], ["write", the JSON patch], or why it
# cannot be done: ["taken", the name], ["ended", the name and how].
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
      as_read
      + ledger({
          head: $plan.head,
          heads: ($plan.branches | map(.sha) | unique | join(",")),
          pushed: $plan.after,
          run: $plan.run,
          round: ($plan.round | tostring),
          resumed: "false",
          outcome: "begun",
          message: "\($plan.run) has begun to restart QA; if it is gone, a new one carries it on: \($again)",
          "pushed-at": ([$plan.pushedAt, ($entry["pushed-at"] // "0" | tonumber)] | max | tostring)
        })
      | tojson
    ]
  end
