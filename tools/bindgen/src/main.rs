//! Writes the glue and the final .wasm for a module built with wasm-bindgen.
//!
//! `wasm-bindgen-cli` cannot be installed from its own lock file, so this calls its library,
//! pinned in ours to the version of the `wasm-bindgen` crate that the engine uses.

use std::{env, path::PathBuf};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut args = env::args().skip(1);
    let (input, out_dir, name) = match (args.next(), args.next(), args.next(), args.next()) {
        (Some(input), Some(out_dir), Some(name), None) => (PathBuf::from(input), PathBuf::from(out_dir), name),
        _ => anyhow::bail!("usage: ferry-bindgen INPUT.wasm OUT_DIR OUT_NAME"),
    };
    Bindgen::new()
        .input_path(&input)
        .out_name(&name)
        .web(true)?
        .typescript(true)
        // The page posts the compiled module to each worker, so the glue must never look for
        // the file itself; `import.meta.url` would also not parse in a classic script.
        .omit_default_module_path(true)
        // The linker keeps both sections because wasm-bindgen wants `target_features`; nobody reads these two.
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&out_dir)
        .with_context(|| format!("cannot bind {}", input.display()))
}
