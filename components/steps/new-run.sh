# shellcheck shell=bash disable=SC2153 # NAME is no misspelling

# Prints the command that starts a new run for the current head.
new_run_command() {
  printf '%s submit --from workflowtemplate/%s --generate-name %s-%s- -p task=%s -p repository=%s' \
    "$ARGO" "$NAME" "$NAME" "$TASK" "$TASK" "$REPOSITORY"
}
