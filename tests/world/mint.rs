//! A Cashu mint in memory (NUT-00, 01, 02, 07, 12), with keys of its own and real proofs.

use std::collections::{BTreeMap, BTreeSet};

use nostr_ferry::nostr::cashu::hash_to_curve;
use nostr_ferry::nostr::hex;
use nostr_ferry::parser::HttpAsk;
use secp256k1::{PublicKey, Scalar, SecretKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A mint at one address.
#[derive(Default)]
pub struct Mint {
    pub address: String,
    /// By id: the unit, and whether it is active. Amounts 1, 2, 4 and 8.
    pub keysets: BTreeMap<&'static str, (&'static str, bool)>,
    /// By secret: what it says in place of `UNSPENT`.
    pub states: BTreeMap<String, &'static str>,
    /// Answers every question with this in place of what was asked.
    pub broken: Option<Option<String>>,
    /// The questions up to now: the path, and how many states were asked for.
    pub asked: Vec<(String, usize)>,
    /// Secrets it was asked about, as `Y`.
    known: BTreeMap<String, String>,
}

fn key(keyset: &str, amount: u64) -> SecretKey {
    secret(&format!("{keyset} {amount}"))
}

fn secret(seed: &str) -> SecretKey {
    SecretKey::from_secret_bytes(Sha256::digest(seed).into()).unwrap()
}

fn plus(point: PublicKey, other: PublicKey) -> PublicKey {
    point.combine(&other).unwrap()
}

impl Mint {
    pub fn new(address: &str, keysets: &[(&'static str, &'static str, bool)]) -> Mint {
        Mint {
            address: address.to_owned(),
            keysets: keysets
                .iter()
                .map(|(id, unit, active)| (*id, (*unit, *active)))
                .collect(),
            ..Mint::default()
        }
    }

    /// A proof that it has signed: `C = kY`, with the DLEQ of NUT-12 for whom it is passed on to.
    pub fn issue(&mut self, keyset: &str, amount: u64, text: &str) -> Value {
        let (k, r, nonce) = (
            key(keyset, amount),
            secret(&format!("r {text}")),
            secret(&format!("p {text}")),
        );
        let k_scalar = Scalar::from(k);
        let y = hash_to_curve(text.as_bytes()).unwrap().to_bytes();
        self.known.insert(hex::encode(&y), text.to_owned());
        let y = PublicKey::from_byte_array_compressed(y).unwrap();
        let c = y.mul_tweak(&k_scalar).unwrap();
        let blinded = plus(y, PublicKey::from_secret_key(&r));
        let blind_signature = blinded.mul_tweak(&k_scalar).unwrap();
        let points = [
            PublicKey::from_secret_key(&nonce),
            blinded.mul_tweak(&Scalar::from(nonce)).unwrap(),
            PublicKey::from_secret_key(&k),
            blind_signature,
        ];
        let text_of_points: String = points
            .iter()
            .map(|point| hex::encode(&point.serialize_uncompressed()))
            .collect();
        let e: [u8; 32] = Sha256::digest(text_of_points).into();
        let ek = k.mul_tweak(&Scalar::from_be_bytes(e).unwrap()).unwrap();
        let s = nonce.add_tweak(&Scalar::from(ek)).unwrap();
        json!({
            "amount": amount, "id": keyset, "secret": text, "C": hex::encode(&c.serialize()),
            "dleq": { "e": hex::encode(&e), "s": hex::encode(&s.to_secret_bytes()), "r": hex::encode(&r.to_secret_bytes()) },
        })
    }

    /// What it answers; none for a server's error and for another's address.
    pub fn answer(&mut self, ask: &HttpAsk) -> Option<String> {
        let path = ask.url.strip_prefix(&self.address)?.to_owned();
        let body: Value = ask
            .body
            .as_deref()
            .map(|body| serde_json::from_str(body).unwrap())
            .unwrap_or_default();
        let ys: Vec<&str> = body["Ys"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        self.asked.push((path.clone(), ys.len()));
        if let Some(broken) = &self.broken {
            return broken.clone();
        }
        if path == "/v1/checkstate" {
            let state = |y: &&str| json!({ "Y": y, "state": self.state(y), "witness": null });
            let states: Vec<Value> = ys.iter().filter(|y| self.state(y) != "SILENT").map(state).collect();
            return Some(json!({ "states": states }).to_string());
        }
        let asked = path.strip_prefix("/v1/keys/");
        let wanted: BTreeSet<&str> = match (path.as_str(), asked) {
            ("/v1/keysets", _) => self.keysets.keys().copied().collect(),
            ("/v1/keys", _) => self
                .keysets
                .iter()
                .filter(|(_, (_, active))| *active)
                .map(|(id, _)| *id)
                .collect(),
            (_, Some(id)) => self.keysets.keys().copied().filter(|known| *known == id).collect(),
            _ => return None,
        };
        let with_keys = path != "/v1/keysets";
        let keysets: Vec<Value> = wanted.iter().map(|id| self.keyset(id, with_keys)).collect();
        Some(json!({ "keysets": keysets }).to_string())
    }

    fn state(&self, y: &str) -> &'static str {
        let secret = self.known.get(y).map(String::as_str).unwrap_or_default();
        self.states.get(secret).copied().unwrap_or("UNSPENT")
    }

    fn keyset(&self, id: &str, with_keys: bool) -> Value {
        let (unit, active) = self.keysets[id];
        let mut keyset = json!({ "id": id, "unit": unit, "active": active, "input_fee_ppk": 0 });
        if with_keys {
            let public = |amount: u64| hex::encode(&PublicKey::from_secret_key(&key(id, amount)).serialize());
            let keys: BTreeMap<String, String> = [1, 2, 4, 8].map(|amount| (amount.to_string(), public(amount))).into();
            keyset["keys"] = json!(keys);
        }
        keyset
    }
}
