//! Answers questions about the curve, the ciphers and the entities, for comparison with other programs.
//!
//! Reads one JSON object a line, `{"op": …}`, and writes one JSON value a line: the answer, or null
//! where the library refuses. `tests/node/differential.test.mjs` asks.

// A malformed question is a mistake of the test, which should fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufWriter, Write};

use nostr_ferry::nostr::event::{EventId, Pubkey, Signature};
use nostr_ferry::nostr::keys::SecretKey;
use nostr_ferry::nostr::kind::Kind;
use nostr_ferry::nostr::nip19::{Entity, Naddr, Nevent, Nprofile};
use nostr_ferry::nostr::nip44::ConversationKey;
use nostr_ferry::nostr::schnorr::{self, Claim};
use nostr_ferry::nostr::{nip04, nip44};
use serde_json::{Value, json};

fn main() -> std::io::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let question: Value = serde_json::from_str(&line?)?;
        let answer = answer(&question).unwrap_or(Value::Null);
        writeln!(out, "{answer}")?;
    }
    out.flush()
}

fn answer(q: &Value) -> Option<Value> {
    let text = |name: &str| q[name].as_str().expect("a text");
    let secret = || SecretKey::from_hex(text("secret")).ok();
    let peer = || Pubkey::from_hex(text("peer"));
    match text("op") {
        "sign" => {
            let key = secret()?;
            let sig = key.sign_id(&EventId::from_hex(text("id"))?, bytes(text("aux"))).ok()?;
            Some(json!({ "pubkey": key.pubkey(), "sig": sig }))
        }
        "verify" => {
            let claims: Vec<Claim> = q["claims"].as_array()?.iter().map(claim).collect();
            Some(json!(schnorr::check_batch(&claims, [7; 32])))
        }
        "nip04_encrypt" => nip04::encrypt(&secret()?, &peer()?, bytes(text("iv")), text("text"))
            .ok()
            .map(Value::from),
        "nip04_decrypt" => nip04::decrypt(&secret()?, &peer()?, text("text")).ok().map(Value::from),
        "nip44_encrypt" => {
            let key = ConversationKey::derive(&secret()?, &peer()?).ok()?;
            nip44::encrypt(&key, bytes(text("nonce")), text("text"))
                .ok()
                .map(Value::from)
        }
        "nip44_decrypt" => {
            let key = ConversationKey::derive(&secret()?, &peer()?).ok()?;
            nip44::decrypt(&key, text("text")).ok().map(Value::from)
        }
        "nip19_encode" => encode(text("type"), &q["data"]),
        "nip19_decode" => Entity::decode(text("text")).ok().map(decoded),
        "nsec_decode" => SecretKey::from_nsec(text("text")).ok().map(|key| json!(key.pubkey())),
        other => panic!("unknown question {other}"),
    }
}

fn claim(claim: &Value) -> Claim {
    let text = |name: &str| claim[name].as_str().expect("a text");
    Claim {
        id: EventId(bytes(text("id"))),
        pubkey: Pubkey(bytes(text("pubkey"))),
        sig: Signature(bytes(text("sig"))),
    }
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hex");
    bytes.try_into().expect("the right length")
}

fn encode(kind: &str, data: &Value) -> Option<Value> {
    let pubkey = |name: &str| data[name].as_str().and_then(Pubkey::from_hex);
    let relays = || -> Vec<String> {
        let relays = data["relays"].as_array().into_iter().flatten();
        relays.map(|relay| relay.as_str().expect("a text").to_owned()).collect()
    };
    let kind_of = || data["kind"].as_u64().map(|kind| Kind(kind as u16));
    let entity = match kind {
        "npub" => Entity::Npub(Pubkey::from_hex(data.as_str()?)?),
        "note" => Entity::Note(EventId::from_hex(data.as_str()?)?),
        "nsec" => {
            return SecretKey::from_hex(data.as_str()?)
                .ok()?
                .to_nsec()
                .ok()
                .map(|nsec| json!(*nsec));
        }
        "nprofile" => Entity::Nprofile(Nprofile {
            pubkey: pubkey("pubkey")?,
            relays: relays(),
        }),
        "nevent" => Entity::Nevent(Nevent {
            id: EventId::from_hex(data["id"].as_str()?)?,
            relays: relays(),
            author: pubkey("author"),
            kind: kind_of(),
        }),
        "naddr" => Entity::Naddr(Naddr {
            identifier: data["identifier"].as_str()?.to_owned(),
            pubkey: pubkey("pubkey")?,
            kind: kind_of()?,
            relays: relays(),
        }),
        other => panic!("unknown entity {other}"),
    };
    entity.encode().ok().map(Value::from)
}

fn decoded(entity: Entity) -> Value {
    match entity {
        Entity::Npub(pubkey) => json!({ "type": "npub", "data": pubkey }),
        Entity::Note(id) => json!({ "type": "note", "data": id }),
        Entity::Nprofile(it) => json!({ "type": "nprofile", "data": { "pubkey": it.pubkey, "relays": it.relays } }),
        Entity::Nevent(it) => {
            let data = json!({ "id": it.id, "relays": it.relays, "author": it.author, "kind": it.kind });
            json!({ "type": "nevent", "data": data })
        }
        Entity::Naddr(it) => {
            let data =
                json!({ "identifier": it.identifier, "pubkey": it.pubkey, "kind": it.kind, "relays": it.relays });
            json!({ "type": "naddr", "data": data })
        }
    }
}
