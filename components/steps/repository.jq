include "config";
# The one rule for what belongs to this repository: an object that names a repository must name this one; an object
# that names none is taken only where no other repository is configured.
def of_this_repository($key):
  .metadata.labels[$key] as $named
  | if $named == null then ($config.repositories | length) == 1
    else ($named | ascii_downcase) == ($config.repositories[$config.repository | ascii_downcase] // "" | ascii_downcase)
    end;
