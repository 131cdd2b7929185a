//! Compiles `src/nostr/schnorr/schnorr.c` against the libsecp256k1 sources that the crate secp256k1-sys carries.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    const SOURCE: &str = "src/nostr/schnorr/schnorr.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    println!("cargo::rerun-if-changed=Cargo.lock");

    let sys = secp256k1_sys()?;
    let mut build = cc::Build::new();
    build
        .file(SOURCE)
        .include(sys.join("depend/secp256k1/src"))
        .flag_if_supported("-Wno-unused-function")
        .flag_if_supported("-Wno-unused-parameter")
        // Else its headers define handlers that print and abort, for which wasm32 has no libc.
        .define("USE_EXTERNAL_DEFAULT_CALLBACKS", "1");
    if env::var("CARGO_CFG_TARGET_ARCH")? == "wasm32" {
        build.include(sys.join("wasm/wasm-sysroot"));
    }
    build.try_compile("ferry_schnorr")?;
    Ok(())
}

/// The folder of the secp256k1-sys that this build links.
///
/// That crate does not tell its dependents where it is (no `cargo::metadata`), so cargo is asked, which
/// also holds for a vendored or a patched crate. Only this target's packages are asked for: others need not be
/// on the disk.
fn secp256k1_sys() -> Result<PathBuf, Box<dyn Error>> {
    let manifest = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("Cargo.toml");
    let output = Command::new(env::var("CARGO")?)
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            &env::var("TARGET")?,
        ])
        .arg("--manifest-path")
        .arg(manifest)
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata
        .get("packages")
        .and_then(|packages| packages.as_array())
        .into_iter()
        .flatten();
    let manifests: Vec<&str> = packages
        .filter(|package| package.get("name").is_some_and(|name| name == "secp256k1-sys"))
        .filter_map(|package| package.get("manifest_path")?.as_str())
        .collect();
    match manifests.as_slice() {
        [one] => Ok(Path::new(one)
            .parent()
            .ok_or("a manifest without a folder")?
            .to_path_buf()),
        other => Err(format!("expected one secp256k1-sys, found {other:?}").into()),
    }
}
