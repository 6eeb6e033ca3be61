# From the endings of the steps, plan.json, and what plan found, one line each: the report. Argo keeps it in the Workflow, so it takes
# at most 8000 bytes: long words are cut, and of the lines there are as many as fit.
def report($plan; $planned):
  ($planned | split("\n") | map(select(. != ""))) as $lines
  | map(.did |= .[:600]) as $endings
  | first(
      range([200, ($lines | length)] | min; -1; -1) as $kept
      | ($lines | length - $kept) as $more
      | {head: $plan.head, planned: ($lines[:$kept] + if $more > 0 then ["… and \($more) more"] else [] end)}
      | with_entries(select(.value != null)) as $found
      | $endings
      | map(if .step == "plan" then . + $found else . end)
      | select($kept == 0 or (tojson | utf8bytelength) <= 8000)
    );

# From a report: each step in a line.
def report_lines: .[] | "\([.step, .cause // empty, .did] | join(": ")) (\(.seconds) s)";
