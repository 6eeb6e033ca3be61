# Which of the waiting suspend nodes are gates. A node whose template has a duration is a pause and ends on its own. Argo stores the
# templates of other WorkflowTemplates by scope and name. An inline template has no name and is part of its caller's template. If a
# node's template is not found, the node counts as a gate: most nodes are gates, and QA would wait forever if it stayed closed. A node of
# a hook or of the workflow's exit handler is no gate, because no round follows it.
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
