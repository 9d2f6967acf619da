#!/usr/bin/env bash
# The one command: ./build.sh runs every check; ./build.sh --target=Pack and so on run one task, ./build.sh --description lists them.
set -u
cd "$(dirname "$0")"
rm -f artifacts/summary.txt
dotnet tool restore --verbosity quiet && dotnet cake build.cake "$@"
code=$?
[ -f artifacts/summary.txt ] && cat artifacts/summary.txt
exit $code
