# shellcheck shell=bash
# remove-label: takes the ready label off the task's open pull requests.
# shellcheck source=components/steps/lib.sh
source "${BASH_SOURCE%/*}/lib.sh"
# shellcheck source=components/steps/github.sh
source "${BASH_SOURCE%/*}/github.sh"
# shellcheck source=components/steps/ready-label.sh
source "${BASH_SOURCE%/*}/ready-label.sh"

main() {
  local numbers=()
  only_when_planned
  mapfile -t numbers < <(jq -r '.pulls[] | select(.ready) | .number' "$PLAN")
  for number in "${numbers[@]}"; do
    remove_ready_label "$number"
  done
  if ((${#numbers[@]} > 0)); then
    finish "took $READY_LABEL off ${numbers[*]/#/#}"
  else
    finish "no pull request had the label $READY_LABEL"
  fi
}

main
