module rex-remediation/cluster/pause

go 1.26.0
