# The report of a run, from the endings of its steps. Argo keeps it in the Workflow, so it takes at most 8000 bytes.
def bytes: tojson | utf8bytelength;

def cut($most): if bytes <= $most then . else .[:length * 9 / 10 | floor] | cut($most) end;

# From lines: the first ones that fit, and how many are left out.
def fitting($most):
  length as $all
  | reduce .[] as $line ({kept: [], left: $most};
      .left -= ($line | bytes + 1) | if .left < 0 then . else .kept += [$line] end)
  | .kept
  | . + if length < $all then ["… and \($all - length) more"] else [] end;

# From the endings, plan.json, and what plan found, one line each.
def report($plan; $planned):
  map(.did |= cut(1500))
  | (7850 - bytes) as $room
  | map(
      if .step == "plan" then
        . + ($plan | if .head == null then {} else {head} end) + {planned: ($planned | split("\n") | map(select(. != "")) | fitting($room))}
      else .
      end
    );

# From a report: each step in a line.
def report_lines: .[] | "\([.step, .cause // empty, .did] | join(": ")) (\(.seconds) s)";
