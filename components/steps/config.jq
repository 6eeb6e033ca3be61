# The configuration (see components/stepConfig.ts) and the run's parameters. They are bound once: jq makes a copy of the environment
# wherever a program says $ENV.
$ENV as $env |
(($env.CONFIG | fromjson) + {
  run: $env.RUN_NAME,
  task: $env.TASK,
  repository: $env.REPOSITORY,
  repositories: ($env.REPOSITORIES | fromjson)
}) as $config |

def of_this_repository($key): is_of_repository($config.repositories; $config.repository; $key);
