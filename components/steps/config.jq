# What the configuration and the run's parameters say, as they stand in the environment. It is bound
# once: jq makes a copy of it wherever a program says $ENV.
$ENV as $env |
{
  argo: "argo -n \($env.NAMESPACE)\($env.ARGO_INSTANCE_ID // "" | if . == "" then "" else " --instanceid \(.)" end)",
  name: $env.NAME,
  namespace: $env.NAMESPACE,
  run: $env.RUN_NAME,
  task: $env.TASK,
  repository: $env.REPOSITORY,
  repositories: ($env.REPOSITORIES | fromjson),
  codeRun: {
    resource: $env.CODERUN_RESOURCE,
    full: "\($env.CODERUN_RESOURCE).\($env.CODERUN_GROUP)",
    taskLabel: $env.CODERUN_TASK_LABEL,
    agentLabel: $env.CODERUN_AGENT_LABEL,
    repositoryLabel: $env.CODERUN_REPOSITORY_LABEL,
    finishedPhases: ($env.CODERUN_FINISHED_PHASES | fromjson),
    agents: ($env.AGENTS | fromjson),
    pusherNames: ($env.PUSHER_NAMES | fromjson)
  },
  main: {
    typeLabel: $env.MAIN_WORKFLOW_TYPE_LABEL,
    type: $env.MAIN_WORKFLOW_TYPE,
    taskLabel: $env.MAIN_WORKFLOW_TASK_LABEL,
    stageLabel: $env.MAIN_WORKFLOW_STAGE_LABEL,
    repositoryLabel: $env.MAIN_WORKFLOW_REPOSITORY_LABEL,
    resetStage: $env.RESET_STAGE
  }
} as $config |

def of_this_repository($key): is_of_repository($config.repositories; $config.repository; $key);
