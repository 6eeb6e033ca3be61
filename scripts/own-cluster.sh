# shellcheck shell=bash
# Shared by scripts/up and scripts/down: a stack on your own cluster, chosen by its kubeconfig context.
# Sourced after lib.sh, never run.

# own_cluster COMMAND OPTION...: runs dev/stack.ts COMMAND. It needs --context and --stack, and passes all other options on. With
# --dry-run it only says what COMMAND would do.
own_cluster() {
  local command=$1 context='' stack='' dry_run='' more=()
  shift
  while (($# > 0)); do
    case $1 in
      --context | --stack)
        (($# > 1)) || die "$1 needs a NAME (see --help)"
        printf -v "${1#--}" '%s' "$2"
        shift 2
        ;;
      --dry-run)
        dry_run=yes
        shift
        ;;
      *)
        more+=("$1")
        shift
        ;;
    esac
  done
  [[ -n $context && -n $stack ]] || die 'your own cluster needs both --context NAME and --stack NAME (see --help)'
  command -v pulumi >/dev/null || die 'the pulumi command is missing: install it (https://www.pulumi.com/docs/install/) and run this again'
  node_path
  npm_ready
  mkdir -p "$(stacks_dir)"
  if [[ -n $dry_run ]]; then
    [[ $command == up ]] && command=preview || command=preview-destroy
    run_stack "$command" "$context" "$stack" "${more[@]}"
    return
  fi
  "own_cluster_$command" "$context" "$stack" "${more[@]}"
}

own_cluster_up() {
  local context=$1 stack=$2 outputs
  shift 2
  outputs="$(stacks_dir)/outputs-$stack.json"
  run_stack up "$context" "$stack" --json "$@" >"$outputs.new"
  mv "$outputs.new" "$outputs"
  cat "$outputs"
  say "The stack is up. To use scripts/rex with --context $context:"
  say "  export REX_OUTPUTS=$outputs"
  say "scripts/down --context $context --stack $stack removes it"
}

own_cluster_destroy() {
  local context=$1 stack=$2
  shift 2
  run_stack destroy "$context" "$stack" "$@"
  rm -f "$(stacks_dir)/outputs-$stack.json"
}

# run_stack COMMAND CONTEXT STACK [OPTION...]
run_stack() {
  local command=$1 context=$2 stack=$3
  shift 3
  "$ROOT/dev/stack.ts" "$command" --context "$context" --stack "$stack" --dir "$(stacks_dir)" "$@"
}

# stacks_dir: the folder of these stacks' state, passphrase and outputs. It is not inside the node's folder, which scripts/down
# removes.
stacks_dir() {
  echo "$(dirname "$(state_dir)")/stacks/$(node_id)"
}
