#!/bin/sh
# Greets somebody a few times and writes down what it did. Plain POSIX sh: runs in busybox and on any Unix.
set -eu

who=${1:-world}
times=${2:-3}
greeting=${GREETING:-Hello}

echo "$greeting, $who: $times lines are coming" >&2
: >greeting.txt
line=1
while [ "$line" -le "$times" ]; do
  echo "$greeting $who, line $line of $times"
  echo "$greeting, $who!" >>greeting.txt
  sleep 0.7 2>/dev/null || sleep 1 # POSIX promises whole seconds only
  line=$((line + 1))
done

bytes=$(wc -c <greeting.txt)
printf '{\n  "greeted": "%s",\n  "lines": %d,\n  "bytes": %d\n}\n' "$who" "$times" "$bytes" >report.json
echo "wrote greeting.txt and report.json" >&2
