# shellcheck shell=bash
# The task's branches and their open pull requests, as GitHub has them now.

# Leaves the task's branches in $SCRATCH/branches. matching-refs answers by prefix: task-3
# finds task-30 too.
read_branches() {
  github_pages "/repos/$REPOSITORY/git/matching-refs/heads/$(uri "$BRANCH_PREFIX$TASK")" ||
    object=$REPOSITORY fail no-permission \
      "GitHub App $GITHUB_APP_ID cannot read the branches of $REPOSITORY: give it the permission contents: read there$(then_again retry)"
  jq --slurp --arg prefix "$BRANCH_PREFIX" --arg task "$TASK" "$VOCABULARY"'
    [.[][] | {ref: (.ref | ltrimstr("refs/heads/")), sha: .object.sha} | select(.ref | task_of_branch($prefix) == $task)]' \
    "$SCRATCH/pages" >"$SCRATCH/branches"
}

# Leaves the open pull requests of these branches in $SCRATCH/pulls. Never by GitHub's
# search, which answers an empty list where a permission is missing. `head` narrows on the
# server; what counts is checked here: forks never do.
read_pull_requests() {
  local branch
  : >"$SCRATCH/of-branches"
  while IFS= read -r branch; do
    github_pages "/repos/$REPOSITORY/pulls?state=open&head=$(uri "${REPOSITORY%%/*}:$branch")" ||
      object=$REPOSITORY fail no-permission \
        "GitHub App $GITHUB_APP_ID cannot read the pull requests of $REPOSITORY: give it the permission pull requests: write" \
        "there$(then_again retry)"
    cat "$SCRATCH/pages" >>"$SCRATCH/of-branches"
  done < <(jq -r '.[].ref' "$SCRATCH/branches")
  jq --slurp --slurpfile branches "$SCRATCH/branches" --arg repository "$REPOSITORY" \
    --arg ready "$PULL_READY_LABEL" --arg task "$PULL_TASK_LABEL_PREFIX$TASK" --arg hold "$PULL_HOLD_LABEL" '
    def has_label($name): any(.labels[]; (.name | ascii_downcase) == ($name | ascii_downcase));
    [.[][] | select(.head.ref | IN($branches[0][].ref))
      | select((.head.repo.full_name // "" | ascii_downcase) == ($repository | ascii_downcase))
      | {number, ref: .head.ref, ready: has_label($ready), labelled: has_label($task), held: has_label($hold)}]
    | unique_by(.number)' "$SCRATCH/of-branches" >"$SCRATCH/pulls"
}
