//! Kinds 9734 and 9735: zap requests and zap receipts (NIP-57).
//!
//! A receipt is not a proof of payment, and whether its author is the recipient's
//! provider only the network can say: `needs_provider_check`.

use sha2::{Digest, Sha256};

use super::tags::{self, Address, AddressRef, EventRef, ProfileRef};
use crate::nostr::event::{Event, Pubkey, RawEvent, Tag};
use crate::nostr::hex;
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::content::bolt11;

/// What is asked of the recipient's wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZapRequest {
    /// Millisatoshi the sender means to pay.
    pub amount_msat: Option<u64>,
    pub recipient: Option<Pubkey>,
    pub event: Option<EventRef>,
    pub address: Option<Address>,
    /// Of the zapped event.
    pub kind: Option<Kind>,
    pub comment: Option<String>,
    /// Where the receipt is to be published.
    pub relays: Vec<RelayUrl>,
    pub lnurl: Option<String>,
    /// Meets NIP-57 appendix D.
    pub valid: bool,
}

/// A wallet's word that a zap was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zap {
    /// Millisatoshi, the invoice's own amount.
    pub amount_msat: Option<u64>,
    /// Who signed the request; absent if its signature does not hold.
    pub sender: Option<Pubkey>,
    pub recipient: Option<Pubkey>,
    pub event: Option<EventRef>,
    pub address: Option<Address>,
    /// Of the zapped event.
    pub kind: Option<Kind>,
    pub comment: Option<String>,
    /// Hex.
    pub preimage: Option<String>,
    pub bolt11: Option<String>,
    /// Whether the invoice commits to this very request; it should (appendix E).
    pub description_hash_matches: Option<bool>,
    /// The request is signed and well-formed, asks for what the invoice says, and the receipt names the same recipient and event.
    pub valid: bool,
    /// `valid`, but for the network's part: the receipt's author must be the `nostrPubkey` of the recipient's provider.
    pub needs_provider_check: bool,
}

pub(super) fn parse_request(event: &RawEvent) -> ZapRequest {
    ZapRequest {
        amount_msat: amount(&event.tags).flatten(),
        recipient: recipient(&event.tags),
        event: tags::first(&event.tags, "e", EventRef::from_tag),
        address: address(&event.tags),
        kind: tags::kind(&event.tags, "k"),
        comment: comment(event),
        relays: tags::relays(&event.tags, "relays"),
        lnurl: tags::text(&event.tags, "lnurl"),
        valid: is_request(event),
    }
}

/// `None` if neither invoice nor request can be read.
pub(super) fn parse(receipt: &RawEvent) -> Option<Zap> {
    let bolt11 = tags::text(&receipt.tags, "bolt11");
    let invoice = bolt11.as_deref().and_then(bolt11::read);
    let description = receipt.tag_value("description");
    let request = description
        .and_then(|json| RawEvent::from_json(json).ok())
        .filter(|request| request.kind == Kind(9734))
        .and_then(|request| request.verify().ok());
    if invoice.is_none() && request.is_none() {
        return None;
    }
    let amount_msat = invoice.as_ref().and_then(|invoice| invoice.amount_msat);
    let valid = request
        .as_ref()
        .is_some_and(|request| is_valid(receipt, request, amount_msat));
    let committed = invoice.as_ref().and_then(|invoice| invoice.description_hash);
    Some(Zap {
        amount_msat,
        sender: request.as_ref().map(|request| request.pubkey),
        recipient: recipient(&receipt.tags),
        event: tags::first(&receipt.tags, "e", EventRef::from_tag),
        address: address(&receipt.tags),
        kind: tags::kind(&receipt.tags, "k").or(request.as_ref().and_then(|request| tags::kind(&request.tags, "k"))),
        comment: request.as_deref().and_then(comment),
        preimage: tags::text(&receipt.tags, "preimage").filter(|preimage| hex::decode::<32>(preimage).is_some()),
        description_hash_matches: committed
            .and_then(|hash| Some(hash == <[u8; 32]>::from(Sha256::digest(description?)))),
        bolt11: bolt11.filter(|_| invoice.is_some()),
        valid,
        needs_provider_check: valid,
    })
}

/// What of appendices D, E and F can be known without the network.
fn is_valid(receipt: &RawEvent, request: &Event, amount_msat: Option<u64>) -> bool {
    let asked = amount(&request.tags).flatten();
    let amount_holds = amount_msat.is_some_and(|msat| asked.is_none_or(|asked| asked == msat));
    let same = |name: &str| {
        let value = |tags: &[Tag]| tags::first(tags, name, |tag| tag.get(1).cloned());
        value(&receipt.tags) == value(&request.tags)
    };
    let provider = tags::first(&request.tags, "P", ProfileRef::from_tag);
    let sender = tags::first(&receipt.tags, "P", ProfileRef::from_tag);
    is_request(request)
        && amount_holds
        && ["p", "e", "a"].iter().all(|name| same(name))
        && provider.is_none_or(|provider| provider.pubkey == receipt.pubkey)
        && sender.is_none_or(|sender| sender.pubkey == request.pubkey)
}

fn is_request(request: &RawEvent) -> bool {
    let count = |name: &'static str| request.tags_named(name).count();
    recipient(&request.tags).is_some()
        && count("p") == 1
        && count("e") == tags::all(&request.tags, "e", EventRef::from_tag).len()
        && count("e") <= 1
        && count("P") <= 1
        && count("a") == tags::all(&request.tags, "a", AddressRef::from_tag).len()
        && amount(&request.tags).is_some()
}

/// What the request says is to be paid, which may be nothing. `None` if it contradicts itself or cannot be read: every
/// `amount` tag must be equal to what is asked of the wallet (appendix D).
pub fn amount(tags: &[Tag]) -> Option<Option<u64>> {
    let written: Vec<&Tag> = tags.iter().filter(|tag| tags::is(tag, "amount")).collect();
    let read = written.iter().map(|tag| tags::digits(tags::value(tag, 1)?));
    let mut amounts: Vec<u64> = read.collect::<Option<_>>()?;
    amounts.dedup();
    match amounts.as_slice() {
        [] => Some(None),
        [amount] => Some(Some(*amount)),
        _ => None,
    }
}

fn recipient(tags: &[Tag]) -> Option<Pubkey> {
    tags::first(tags, "p", ProfileRef::from_tag).map(|person| person.pubkey)
}

fn address(tags: &[Tag]) -> Option<Address> {
    tags::first(tags, "a", AddressRef::from_tag).map(|address| address.address)
}

fn comment(request: &RawEvent) -> Option<String> {
    (!request.content.is_empty()).then(|| request.content.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    // NIP-57's example receipt: 10 micro-bitcoin.
    const INVOICE: &str = "lnbc10u1p3unwfusp5t9r3yymhpfqculx78u027lxspgxcr2n2987mx2j55nnfs95nxnzqpp5jmrh92pfld78spqs78v9euf2385t83uvpwk9ldrlvf6ch7tpascqhp5zvkrmemgth3tufcvflmzjzfvjt023nazlhljz2n9hattj4f8jq8qxqyjw5qcqpjrzjqtc4fc44feggv7065fqe5m4ytjarg3repr5j9el35xhmtfexc42yczarjuqqfzqqqqqqqqlgqqqqqqgq9q9qxpqysgq079nkq507a5tw7xgttmj4u990j7wfggtrasah5gd4ywfr2pjcn29383tphp4t48gquelz9z78p4cq7ml3nrrphw5w6eckhjwmhezhnqpy6gyf0";
    const DESCRIPTION: &str = "{\"pubkey\":\"97c70a44366a6535c145b333f973ea86dfdc2d7a99da618c40c64705ad98e322\",\"content\":\"\",\"id\":\"d9cc14d50fcb8c27539aacf776882942c1a11ea4472f8cdec1dea82fab66279d\",\"created_at\":1674164539,\"sig\":\"77127f636577e9029276be060332ea565deaf89ff215a494ccff16ae3f757065e2bc59b2e8c113dd407917a010b3abd36c8d7ad84c0e3ab7dab3a0b0caa9835d\",\"kind\":9734,\"tags\":[[\"e\",\"3624762a1274dd9636e0c552b53086d70bc88c165bc4dc0f9e836a1eaf86c3b8\"],[\"p\",\"32e1827635450ebb3c5a7d12c1f8e7b2b514439ac10a67eef3d9fd9c5c68e245\"],[\"relays\",\"wss://relay.damus.io\",\"wss://nostr-relay.wlvs.space\",\"wss://nostr.fmt.wiz.biz\",\"wss://relay.nostr.bg\",\"wss://nostr.oxtr.dev\",\"wss://nostr.v0l.io\",\"wss://brb.io\",\"wss://nostr.bitcoiner.social\",\"ws://monad.jb55.com:8080\",\"wss://relay.snort.social\"]]}";
    const P: &str = "32e1827635450ebb3c5a7d12c1f8e7b2b514439ac10a67eef3d9fd9c5c68e245";
    const E: &str = "3624762a1274dd9636e0c552b53086d70bc88c165bc4dc0f9e836a1eaf86c3b8";
    const SENDER: &str = "97c70a44366a6535c145b333f973ea86dfdc2d7a99da618c40c64705ad98e322";
    const PREIMAGE: &str = "5d006d2cf1e73c7148e7519a4c68adc81642ce0e25a432b2434c99f97344c15f";

    #[test]
    fn a_receipt_that_commits_to_its_request_is_read_whole() {
        let a = format!("30023:{P}:x");
        let request = signed(
            3,
            9734,
            1,
            &[&["p", P], &["e", E], &["a", &a], &["amount", "1000000"]],
            "Zap!",
        );
        let json = request.to_json();
        let invoice = bolt11::tests::invoice("lnbc10u", &json);
        let sender = request.pubkey.to_string();
        let tags: &[&[&str]] = &[
            &["p", P],
            &["P", &sender],
            &["e", E],
            &["a", &a],
            &["k", "1"],
            &["bolt11", &invoice],
            &["description", &json],
            &["preimage", PREIMAGE],
        ];
        assert_eq!(
            parse(&signed(9, 9735, 2, tags, "")),
            Some(Zap {
                amount_msat: Some(1_000_000),
                sender: Some(request.pubkey),
                recipient: Pubkey::from_hex(P),
                event: EventRef::from_tag(&vec!["e".into(), E.into()]),
                address: Address::parse(&a),
                kind: Some(Kind(1)),
                comment: Some("Zap!".into()),
                preimage: Some(PREIMAGE.into()),
                bolt11: Some(invoice.clone()),
                description_hash_matches: Some(true),
                valid: true,
                needs_provider_check: true,
            })
        );
    }

    #[test]
    fn the_example_of_nip_57_is_read_but_its_request_does_not_hold() {
        // The id in the NIP's request is not the hash of it.
        let tags: &[&[&str]] = &[
            &["p", P],
            &["P", SENDER],
            &["e", E],
            &["k", "1"],
            &["bolt11", INVOICE],
            &["description", DESCRIPTION],
            &["preimage", PREIMAGE],
        ];
        let zap = parse(&signed(9, 9735, 1_674_164_545, tags, "")).unwrap();
        assert_eq!((zap.amount_msat, zap.recipient), (Some(1_000_000), Pubkey::from_hex(P)));
        assert_eq!(
            (zap.valid, zap.sender, zap.description_hash_matches),
            (false, None, Some(false))
        );
        assert_eq!(
            (zap.kind, zap.preimage.as_deref(), zap.event.is_some()),
            (Some(Kind(1)), Some(PREIMAGE), true)
        );
    }

    /// Whether a receipt with the example's invoice and these request tags is valid.
    fn valid(request: &[&[&str]], receipt: &[&[&str]]) -> bool {
        let request = signed(3, 9734, 1, request, "Zap!").to_json();
        let rest: [&[&str]; 2] = [&["bolt11", INVOICE], &["description", &request]];
        parse(&signed(9, 9735, 2, &[receipt, &rest].concat(), ""))
            .unwrap()
            .valid
    }

    #[test]
    fn a_receipt_is_valid_only_if_it_agrees_with_its_request() {
        let (p, e): (&[&str], &[&str]) = (&["p", P], &["e", E]);
        let amount: &[&str] = &["amount", "1000000"];
        let (address, provider) = (format!("30023:{P}:x"), signed(9, 1, 1, &[], "").pubkey.to_string());
        let a: &[&str] = &["a", &address];
        assert!(valid(&[p], &[p]));
        assert!(valid(&[p, e, amount], &[p, e]));
        assert!(valid(&[p, a], &[p, a]));
        assert!(valid(&[p, amount, amount], &[p]), "twice the same is no contradiction");
        assert!(valid(&[p, &["P", &provider]], &[p]));
        for (why, request, receipt) in [
            ("amount", &[p, &["amount", "21000"]][..], &[p][..]),
            ("amount is no number", &[p, &["amount", "1000000 "]], &[p]),
            ("amount is empty", &[p, &["amount", ""]], &[p]),
            ("amount is missing", &[p, &["amount"]], &[p]),
            ("one amount is no number", &[p, amount, &["amount", "x"]], &[p]),
            ("the other is no number", &[p, &["amount", "x"], amount], &[p]),
            ("two amounts", &[p, amount, &["amount", "21000"]], &[p]),
            ("another recipient", &[p], &[&["p", E]]),
            ("another event", &[p, e], &[p, &["e", P]]),
            ("event missing", &[p, e], &[p]),
            ("event added", &[p], &[p, e]),
            ("another address", &[p, a], &[p]),
            ("no recipient", &[], &[]),
            ("two recipients", &[p, p], &[p]),
            ("two events", &[p, e, e], &[p, e]),
            ("bad address", &[p, &["a", "x"]], &[p, &["a", "x"]]),
            ("another provider", &[p, &["P", P]], &[p]),
            ("another sender", &[p], &[p, &["P", P]]),
        ] {
            assert!(!valid(request, receipt), "{why}");
        }
    }

    #[test]
    fn a_receipt_without_an_invoice_is_invalid_and_one_with_nothing_none() {
        let request = signed(3, 9734, 1, &[&["p", P]], "").to_json();
        let read = |bolt11: &str, request: &str| {
            parse(&signed(
                9,
                9735,
                1,
                &[
                    &["p", P],
                    &["bolt11", bolt11],
                    &["description", request],
                    &["preimage", "x"],
                ],
                "",
            ))
        };
        let zap = read("lnbc1", &request).unwrap();
        assert_eq!((zap.amount_msat, zap.bolt11, zap.preimage), (None, None, None));
        assert_eq!((zap.valid, zap.needs_provider_check, zap.comment), (false, false, None));
        assert!(zap.sender.is_some());
        let no_amount = read(&bolt11::tests::invoice("lnbc", &request), &request).unwrap();
        assert_eq!(
            (
                no_amount.amount_msat,
                no_amount.valid,
                no_amount.description_hash_matches
            ),
            (None, false, Some(true))
        );
        assert_eq!(read("lnbc1", "{}"), None);
        let note = signed(3, 1, 1, &[&["p", P]], "").to_json();
        assert_eq!(read("lnbc1", &note), None);
        assert!(!read(INVOICE, &note).unwrap().valid);
    }

    #[test]
    fn a_request_is_read_with_its_comment_and_relays() {
        let tags: &[&[&str]] = &[
            &[
                "relays",
                "wss://nostr-pub.wellorder.com",
                "wss://anotherrelay.example.com",
                "x",
            ],
            &["amount", "21000"],
            &["lnurl", "lnurl1dp68"],
            &["p", P],
            &["e", E],
            &["k", "1"],
        ];
        let request = parse_request(&signed(1, 9734, 1, tags, "Zap!"));
        assert_eq!(
            (request.amount_msat, request.kind, request.valid),
            (Some(21_000), Some(Kind(1)), true)
        );
        assert_eq!(
            (request.comment.as_deref(), request.lnurl.as_deref()),
            (Some("Zap!"), Some("lnurl1dp68"))
        );
        assert_eq!(
            (request.recipient, request.relays.len(), request.event.is_some()),
            (Pubkey::from_hex(P), 2, true)
        );
        assert!(!parse_request(&signed(1, 9734, 1, &[], "")).valid);
        let amounts: &[&[&str]] = &[&["p", P], &["amount", "x"], &["amount", "21000"]];
        let contradicting = parse_request(&signed(1, 9734, 1, amounts, ""));
        assert_eq!((contradicting.amount_msat, contradicting.valid), (None, false));
    }
}
