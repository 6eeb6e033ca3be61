# Makes the report from the endings of the steps, plan.json, and the lines that say what plan found. Argo keeps it in the Workflow, so it
# has at most 8000 bytes: long texts are cut, and it contains as many of the lines as fit.
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

# A report as text, one line for each step.
def report_lines: .[] | "\([.step, .cause // empty, .did] | join(": ")) (\(.seconds) s)";
