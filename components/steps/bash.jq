# The configuration as assignments for bash: main.typeLabel becomes MAIN_TYPE_LABEL. Lists stay in jq. A search for the capitals with a
# pattern would take longer than all the rest.
$ENV.CONFIG
| fromjson
| . as $config
| paths(type | IN("object", "array") | not) as $path
| select(all($path[]; type == "string"))
| [$path | join("_") | explode[] | if 65 <= . and . <= 90 then 95, . else . end]
| "\(implode | ascii_upcase)=\($config | getpath($path) | @sh)"
