# The configuration as assignments for bash: main.typeLabel becomes MAIN_TYPE_LABEL. Lists stay in jq.
$ENV.CONFIG
| fromjson
| paths(type | IN("object", "array") | not) as $path
| select(all($path[]; type == "string"))
| "\($path | map(gsub("(?<capital>[A-Z])"; "_\(.capital)")) | join("_") | ascii_upcase)=\(getpath($path) | @sh)"
