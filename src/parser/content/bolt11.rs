//! Lightning invoices (BOLT11): the checksum, the amount and the hashes a zap is checked by.
//!
//! The node's signature is not checked: nothing here pays.

use bech32::Checksum;
use bech32::primitives::decode::CheckedHrpstring;

/// What an invoice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Millisatoshi; absent when the payer chooses.
    pub amount_msat: Option<u64>,
    /// Unix seconds.
    pub created_at: u64,
    /// Seconds after `created_at`; absent means an hour.
    pub expiry: Option<u64>,
    pub payment_hash: Option<[u8; 32]>,
    pub description: Option<String>,
    pub description_hash: Option<[u8; 32]>,
}

/// BIP-173's checksum with a code longer than its 1,023: invoices with many hints exceed that.
enum LongBech32 {}

impl Checksum for LongBech32 {
    type MidstateRepr = u32;
    const CODE_LENGTH: usize = 5_000;
    const CHECKSUM_LENGTH: usize = 6;
    const GENERATOR_SH: [u32; 5] = bech32::Bech32::GENERATOR_SH;
    const TARGET_RESIDUE: u32 = 1;
}

/// 35 bits of time before the tagged fields, 520 bits of signature after them, five bits a character.
const TIME_LEN: usize = 7;
const SIGNATURE_LEN: usize = 104;

/// Reads an invoice without its `lightning:`; upper case as BIP-173 allows it.
pub fn read(text: &str) -> Option<Invoice> {
    let checked = CheckedHrpstring::new::<LongBech32>(text).ok()?;
    let amount_msat = amount(&checked.hrp().to_lowercase())?;
    let data: Vec<u8> = checked
        .data_part_ascii_no_checksum()
        .iter()
        .map(|&c| bech32::Fe32::from_char(char::from(c)).ok().map(bech32::Fe32::to_u8))
        .collect::<Option<_>>()?;
    let (time, rest) = data.split_at_checked(TIME_LEN)?;
    let mut fields = rest.get(..rest.len().checked_sub(SIGNATURE_LEN)?)?;
    let mut invoice = Invoice {
        amount_msat,
        created_at: number(time)?,
        expiry: None,
        payment_hash: None,
        description: None,
        description_hash: None,
    };
    while let Some((&[tag, high, low], tail)) = fields.split_first_chunk::<3>() {
        let (value, tail) = tail.split_at_checked(usize::from(high) * 32 + usize::from(low))?;
        fields = tail;
        // Of a field given twice the first is preferred; one of another length is skipped.
        match tag {
            1 if invoice.payment_hash.is_none() => invoice.payment_hash = hash(value),
            23 if invoice.description_hash.is_none() => invoice.description_hash = hash(value),
            13 if invoice.description.is_none() => invoice.description = String::from_utf8(bytes(value)).ok(),
            6 if invoice.expiry.is_none() => invoice.expiry = number(value),
            _ => {}
        }
    }
    Some(invoice)
}

/// The amount in the human-readable part; `None` if that is no invoice's.
fn amount(hrp: &str) -> Option<Option<u64>> {
    let rest = hrp.strip_prefix("ln")?;
    let currency_len = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (currency, amount) = rest.split_at(currency_len);
    if !matches!(currency, "bc" | "tb" | "bcrt" | "tbs" | "sb") {
        return None;
    }
    if amount.is_empty() {
        return Some(None);
    }
    let digits_len = amount.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, multiplier) = amount.split_at(digits_len);
    if digits.starts_with('0') {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    // One bitcoin is 10^11 millisatoshi.
    let msat = match multiplier {
        "" => number.checked_mul(100_000_000_000)?,
        "m" => number.checked_mul(100_000_000)?,
        "u" => number.checked_mul(100_000)?,
        "n" => number.checked_mul(100)?,
        "p" if number.is_multiple_of(10) => number / 10,
        _ => return None,
    };
    Some(Some(msat))
}

fn number(groups: &[u8]) -> Option<u64> {
    groups
        .iter()
        .try_fold(0u64, |sum, &group| sum.checked_mul(32)?.checked_add(u64::from(group)))
}

fn hash(groups: &[u8]) -> Option<[u8; 32]> {
    (groups.len() == 52).then(|| bytes(groups))?.try_into().ok()
}

/// Groups of five bits as bytes, the padding dropped.
fn bytes(groups: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(groups.len() * 5 / 8);
    let (mut buffer, mut bits) = (0u32, 0);
    for &group in groups {
        buffer = (buffer << 5 | u32::from(group)) & 0xFFF;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((buffer >> bits & 0xFF) as u8);
        }
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bech32::primitives::iter::{ByteIterExt, Fe32IterExt};
    use sha2::{Digest, Sha256};

    /// An invoice of these tagged fields, in groups of five bits, with time and signature of zeros.
    fn encode(hrp: &str, fields: &[u8]) -> String {
        let data = [&[0; TIME_LEN][..], fields, &[0; SIGNATURE_LEN]].concat();
        let hrp = bech32::Hrp::parse(hrp).unwrap();
        let groups = data.iter().map(|group| bech32::Fe32::try_from(*group).unwrap());
        groups.with_checksum::<LongBech32>(&hrp).chars().collect()
    }

    /// An invoice that commits to `description`.
    pub(crate) fn invoice(hrp: &str, description: &str) -> String {
        let hash: [u8; 32] = Sha256::digest(description).into();
        let groups = hash.iter().copied().bytes_to_fes().map(bech32::Fe32::to_u8);
        encode(hrp, &[23, 1, 20].into_iter().chain(groups).collect::<Vec<_>>())
    }

    // BOLT11's own examples.
    const DONATION: &str = "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun0dfjkxaq8rkx3yf5tcsyz3d73gafnh3cax9rn449d9p5uxz9ezhhypd0elx87sjle52x86fux2ypatgddc6k63n7erqz25le42c4u4ecky03ylcqca784w";
    const COFFEE: &str = "lnbc2500u1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpuaztrnwngzn3kdzw5hydlzf03qdgm2hdq27cqv3agm2awhz5se903vruatfhq77w3ls4evs3ch9zw97j25emudupq63nyw24cg27h2rspfj9srp";
    const LIST: &str = "lnbc20m1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqscc6gd6ql3jrc5yzme8v4ntcewwz5cnw92tz0pc8qcuufvq7khhr8wpald05e92xw006sq94mg8v2ndf4sefvf9sygkshp5zfem29trqq2yxxz7";
    const PICO: &str = "lnbc9678785340p1pwmna7lpp5gc3xfm08u9qy06djf8dfflhugl6p7lgza6dsjxq454gxhj9t7a0sd8dgfkx7cmtwd68yetpd5s9xar0wfjn5gpc8qhrsdfq24f5ggrxdaezqsnvda3kkum5wfjkzmfqf3jkgem9wgsyuctwdus9xgrcyqcjcgpzgfskx6eqf9hzqnteypzxz7fzypfhg6trddjhygrcyqezcgpzfysywmm5ypxxjemgw3hxjmn8yptk7untd9hxwg3q2d6xjcmtv4ezq7pqxgsxzmnyyqcjqmt0wfjjq6t5v4khxxqyjw5qcqp2rzjq0gxwkzc8w6323m55m4jyxcjwmy7stt9hwkwe2qxmy8zpsgg7jcuwz87fcqqeuqqqyqqqqlgqqqqn3qq9qn07ytgrxxzad9hc4xt3mawjjt8znfv8xzscs7007v9gh9j569lencxa8xeujzkxs0uamak9aln6ez02uunw6rd2ht2sqe4hz8thcdagpleym0j";

    #[test]
    fn the_examples_of_bolt11_are_read() {
        let hash = crate::nostr::hex::decode("0001020304050607080900010203040506070809000102030405060708090102");
        assert_eq!(
            read(DONATION),
            Some(Invoice {
                amount_msat: None,
                created_at: 1_496_314_658,
                expiry: None,
                payment_hash: hash,
                description: Some("Please consider supporting this project".into()),
                description_hash: None,
            })
        );
        let coffee = read(COFFEE).unwrap();
        assert_eq!((coffee.amount_msat, coffee.expiry), (Some(250_000_000), Some(60)));
        assert_eq!(coffee.description.as_deref(), Some("1 cup coffee"));
        let text = "One piece of chocolate cake, one icecream cone, one pickle, one slice of swiss cheese, one slice of salami, one lollypop, one piece of cherry pie, one sausage, one cupcake, and one slice of watermelon";
        let list = read(LIST).unwrap();
        assert_eq!(list.amount_msat, Some(2_000_000_000));
        assert_eq!(list.description_hash, Some(Sha256::digest(text).into()));
        assert_eq!(read(PICO).unwrap().amount_msat, Some(967_878_534));
        assert_eq!(read(&COFFEE.to_uppercase()), Some(coffee));
    }

    #[test]
    fn a_field_of_the_wrong_length_is_skipped_and_one_cut_short_refused() {
        let fields = [
            &[1, 1, 19][..],
            &[0; 51],
            &[2, 0, 1, 9],
            &[1, 1, 20],
            &[31; 52],
            &[1, 1, 20],
            &[0; 52],
        ]
        .concat();
        assert_eq!(read(&encode("lnbc1m", &fields)).unwrap().payment_hash, Some([255; 32]));
        assert_eq!(read(&encode("lnbc1m", &[1, 1, 20, 0])), None);
    }

    #[test]
    fn the_invalid_examples_of_bolt11_are_refused() {
        for bad in [
            &COFFEE.replace("9srp", "9srq"),
            COFFEE.strip_prefix("lnbc2500u1").unwrap(),
            &COFFEE.replacen("lnbc", "LNBC", 1),
            "lnbc1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6na6hlh",
            "lnbc2500x1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpujr6jxr9gq9pv6g46y7d20jfkegkg4gljz2ea2a3m9lmvvr95tq2s0kvu70u3axgelz3kyvtp2ywwt0y8hkx2869zq5dll9nelr83zzqqpgl2zg",
            "lnbc2500000001p1pvjluezpp5qqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu7hqtk93pkf7sw55rdv4k9z2vj050rxdr6za9ekfs3nlt5lr89jqpdmxsmlj9urqumg0h9wzpqecw7th56tdms40p2ny9q4ddvjsedzcplva53s",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_amount_is_a_whole_number_of_millisatoshi_without_leading_zeros() {
        for (hrp, msat) in [
            ("lnbc", Some(None)),
            ("lntb1", Some(Some(100_000_000_000))),
            ("lnbcrt7n", Some(Some(700))),
            ("lntbs10p", Some(Some(1))),
            ("lnbc1p", None),
            ("lnbc01m", None),
            ("lnbc1mm", None),
            ("lnxx1m", None),
            ("lnbc99999999999999999999", None),
            ("lnbc999999999999", None),
        ] {
            assert_eq!(amount(hrp), msat, "{hrp}");
        }
    }
}
