#!/usr/bin/env bash
# Writes the public types, without their comments, as one text.
# usage: api.sh FILE
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node_modules/.bin/tsc -p tsconfig.types.json --removeComments --outDir "$work"
node tools/types.mjs report "$work" > "$work/report"
mv "$work/report" "$1"
