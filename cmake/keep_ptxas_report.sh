#!/bin/sh
# Runs a compiler and keeps what ptxas says about registers, spills and stack frames beside the object file, for the test
# that reads it. Everything else goes to the terminal as always.
[ -n "$1" ] || shift  # CMake passes an empty word where no other launcher was set
object=
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
messages=$object.messages
"$@" 2>"$messages"
status=$?
grep -E 'ptxas info|bytes stack frame' "$messages" >"$object.ptxas"
grep -vE 'ptxas info|bytes stack frame' "$messages" >&2
rm -f "$messages"
exit $status
