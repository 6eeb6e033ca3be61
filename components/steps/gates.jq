# What of the waiting suspend nodes is a gate. One with a duration is a pause, which ends by itself; whether it has one,
# its template says. Argo keeps those of other WorkflowTemplates by scope and name, an inline one has no name and stands
# in its caller's. A node whose template is not found is a gate, as most are: not to open it would leave QA waiting for
# ever. Where a hook or the exit handler of the whole workflow waits, nothing leads to a new round.
def executed: .status.storedWorkflowTemplateSpec // .spec;

def template_of($node):
  ($node.templateName // "") as $template
  | ($node.templateScope // "local/") as $scope
  | if $node.templateRef != null then
      $node.templateRef as $ref
      | .status.storedTemplates["\(if $ref.clusterScope then "cluster" else "namespaced" end)/\($ref.name)/\($ref.template)"]
    elif $template == "" then
      .status.nodes[$node.boundaryID // ""] as $caller
      | if $caller == null then null
        else
          ($node.name[($caller.name | length):] | sub("^(\\[[0-9]+\\])?\\."; "") | sub("\\(.*$"; "")) as $step
          | first(template_of($caller) | (.steps[]?[]?, .dag.tasks[]?) | select(.name == $step) | .inline) // null
        end
    elif $scope | startswith("local/") then first(executed.templates[]? | select(.name == $template)) // null
    else .status.storedTemplates["\($scope)/\($template)"]
    end;

def pauses($node): (template_of($node).suspend.duration // executed.templateDefaults.suspend.duration // "") != "";

def waiting:
  . as $workflow
  | .metadata.name as $name
  | .status.nodes // {}
  | .[]
  | select(.type == "Suspend" and .phase == "Running")
  | select(.name // "" | startswith("\($name).onExit") or startswith("\($name).hooks.") | not)
  | . as $node
  | {node: $node, pauses: ($workflow | pauses($node))};

def gates: [waiting | select(.pauses | not) | .node];
