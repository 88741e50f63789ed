# Sums up a cover profile by package, as a table, and fails when less of all
# hand-written statements than wanted was run:
#
#   awk -v least=85 -f .ci/coverage.awk GENERATED PROFILE
#
# GENERATED lists the files that are not hand-written, one path a line from the
# root of the module. PROFILE comes from go test -coverpkg=./..., which has each
# block once for each test binary: a block counts as run when any of them ran it.
# Nothing else is left out: main, the commands of bench and the packages for
# tests count like all others.

FNR == NR { generated["upstream/" $1] = 1; next }
/^mode:/ { next }
{
  file = $1
  sub(/:[^:]*$/, "", file)
  if (file in generated) next
  if (!($1 in size)) {
    size[$1] = $2
    package[$1] = file
    sub(/\/[^\/]*$/, "", package[$1])
  }
  if ($3 > 0) ran[$1] = 1
}

END {
  for (block in size) {
    all[package[block]] += size[block]
    total += size[block]
    if (block in ran) {
      covered[package[block]] += size[block]
      total_covered += size[block]
    }
  }
  if (total == 0) {
    print "the profile has no statements" > "/dev/stderr"
    exit 1
  }
  for (name in all) names[++n] = name
  for (i = 2; i <= n; i++) { # insertion sort: not every awk has asort
    name = names[i]
    for (j = i - 1; j >= 1 && names[j] > name; j--) names[j + 1] = names[j]
    names[j + 1] = name
  }
  printf "%-28s %10s %10s %7s\n", "package", "statements", "run", "%"
  for (i = 1; i <= n; i++) row(names[i], all[names[i]], covered[names[i]])
  row("total", total, total_covered)
  if (100 * total_covered < least * total) {
    printf "less than %s %% of the statements were run\n", least > "/dev/stderr"
    exit 1
  }
}

function row(name, statements, ran) {
  printf "%-28s %10d %10d %7.1f%s\n", name, statements, ran, 100 * ran / statements, 100 * ran < least * statements ? " <" : ""
}
