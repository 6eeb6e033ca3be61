# shellcheck shell=bash
# The task's branches and their open pull requests, as they are on GitHub now.

# Stores the task's branches in $SCRATCH/branches. matching-refs searches by prefix, so task-3 also finds task-30.
read_branches() {
  github_pages "/repos/$REPOSITORY/git/matching-refs/heads/$(uri "$BRANCH_PREFIX$TASK")" ||
    object=$REPOSITORY fail no-permission \
      "GitHub App $GITHUB_APP_ID cannot read the branches of $REPOSITORY: give it the permission contents: read there$(then_run retry)"
  jq --slurp --arg prefix "$BRANCH_PREFIX" --arg task "$TASK" "$VOCABULARY"'
    [.[][] | {ref: (.ref | ltrimstr("refs/heads/")), sha: .object.sha} | select(.ref | task_of_branch($prefix) == $task)]' \
    "$SCRATCH/pages" >"$SCRATCH/branches"
}

# Stores the open pull requests of these branches in $SCRATCH/pulls. It does not use GitHub's search, which answers with an empty list if a
# permission is missing. The parameter `head` only narrows the list. The check here decides, and excludes forks.
read_pull_requests() {
  local branch
  : >"$SCRATCH/of-branches"
  while IFS= read -r branch; do
    github_pages "/repos/$REPOSITORY/pulls?state=open&head=$(uri "${REPOSITORY%%/*}:$branch")" ||
      object=$REPOSITORY fail no-permission \
        "GitHub App $GITHUB_APP_ID cannot read the pull requests of $REPOSITORY: give it the permission pull requests: write" \
        "there$(then_run retry)"
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
