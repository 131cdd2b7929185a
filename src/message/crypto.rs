//! To and from the crypto role: signatures to check, what signers are asked, and what they answer.

use super::{Claim, RequestId, Template};
use crate::nostr::event::{Pubkey, RawEvent};
use crate::nostr::nip59::Rumor;
use crate::nostr::relay_url::RelayUrl;

/// `SignerRequest`: what the parser asks of crypto.
#[derive(Clone, Debug, PartialEq)]
pub enum ParserToCrypto {
    Verify { request: RequestId, claims: Vec<Claim> },
    Ask { request: RequestId, op: SignerOp },
}

/// `SignerResponse`: what crypto answers the parser.
#[derive(Clone, Debug, PartialEq)]
pub enum CryptoToParser {
    /// One verdict per claim, in order.
    Verdicts {
        request: RequestId,
        good: Vec<bool>,
    },
    Answer {
        request: RequestId,
        result: SignerResult,
    },
    /// Whose key is used from now on; nobody's after a logout. What waited for another signer has been answered.
    Signer {
        pubkey: Option<Pubkey>,
    },
}

/// cryptoToMain, from the page.
#[derive(Clone, Debug, PartialEq)]
pub enum PageToCrypto {
    /// Let this signer sign from now on. Answered with its public key; until then the one before it signs.
    Use {
        request: RequestId,
        choice: SignerChoice,
    },
    Ask {
        request: RequestId,
        op: SignerOp,
    },
    /// What the extension answered.
    Extension {
        call: CallId,
        result: SignerResult,
    },
    /// Forget the signer, wipe its key and fail what waits for it.
    Logout {
        request: RequestId,
    },
}

/// cryptoToMain, to the page.
#[derive(Clone, Debug, PartialEq)]
pub enum CryptoToPage {
    Answer {
        request: RequestId,
        result: SignerResult,
    },
    /// Ask the extension (NIP-07) and send `PageToCrypto::Extension`.
    Extension {
        call: CallId,
        ask: SignerCall,
    },
    /// The user has to confirm something at this web address of the remote signer (NIP-46).
    AuthUrl {
        url: String,
    },
    /// The `nostrconnect://` URL to show to the user.
    ConnectUrl {
        request: RequestId,
        url: Secret,
    },
    /// What resumes the remote signer's session; it holds the client's key, never the user's. Replaces an earlier one.
    Session {
        session: Secret,
    },
}

/// Crypto's number for one question to the page's extension (NIP-07).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// One operation of the crypto role, whoever asks. Each has a time limit.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerOp {
    Call(SignerCall),
    /// Open a gift wrap that is for the signer (NIP-59). The wrap is verified first.
    Unwrap(RawEvent),
    /// Seal and wrap a private message (NIP-17, kinds 14 and 15) for each of its people, the sender included.
    Wrap(Template),
    /// Check Cashu proofs that were passed on (NUT-12). Needs no signer.
    VerifyProofs(Vec<ProofClaim>),
}

/// What every kind of signer can be asked (the methods that NIP-07 and NIP-46 have in common).
#[derive(Clone, Debug, PartialEq)]
pub enum SignerCall {
    GetPublicKey,
    Sign(Template),
    /// Between the signer's key and `peer`.
    Encrypt {
        cipher: Cipher,
        peer: Pubkey,
        plaintext: Secret,
    },
    Decrypt {
        cipher: Cipher,
        peer: Pubkey,
        ciphertext: String,
    },
}

/// How a text between two keys is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    Nip44,
    /// Unauthenticated; for old conversations and peers that know nothing else.
    Nip04,
}

/// A Cashu proof said to be signed by `mint_key` (NUT-12, "Carol").
#[derive(Clone, PartialEq, Eq)]
pub struct ProofClaim {
    /// The key of the proof's keyset and amount, compressed.
    pub mint_key: [u8; 33],
    /// The proof's secret as its JSON has it.
    pub secret: Secret,
    /// The proof's `C`, compressed.
    pub signature: [u8; 33],
    pub e: [u8; 32],
    pub s: [u8; 32],
    /// The blinding factor; a proof without one cannot be checked.
    pub r: Option<[u8; 32]>,
}

/// Who holds the secret of a proof holds the money.
impl std::fmt::Debug for ProofClaim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProofClaim")
    }
}

/// What came of an operation.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerAnswer {
    PublicKey(Pubkey),
    /// Signed as asked; it still is to be verified as any event.
    Signed(RawEvent),
    /// A plaintext or a ciphertext.
    Text(Secret),
    Rumor(Rumor),
    /// One gift wrap for each person, the sender's own copy last; the `p` tag says whose each is.
    Wraps(Vec<RawEvent>),
    /// One verdict per proof, in order.
    Verdicts(Vec<bool>),
    Done,
}

/// An answer, or why there is none.
pub type SignerResult = Result<SignerAnswer, SignerError>;

/// Why a signer did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    #[error("no signer is set: choose one with nostr.signer")]
    NoSigner,
    #[error("the signer refused: {0}")]
    Refused(String),
    #[error("the signer did not answer in time")]
    TimedOut,
    #[error("the signer is disconnected: {0}")]
    Disconnected(String),
    #[error("bad input: {0}")]
    BadInput(String),
    #[error("the signer was changed or logged out before it answered")]
    Cancelled,
    #[error("this signer cannot do that: {0}")]
    Unsupported(String),
}

/// Whom the page's user lets sign.
#[derive(Clone, Debug, PartialEq)]
pub enum SignerChoice {
    /// Hex or nsec (NIP-19).
    PrivateKey(Secret),
    /// NIP-49; the passphrase in NFKC form.
    EncryptedKey { ncryptsec: String, passphrase: Secret },
    /// Hex, npub or nprofile: nothing can be signed.
    PublicKey(String),
    /// `window.nostr` of the page (NIP-07).
    Extension,
    /// A `bunker://` URL (NIP-46).
    Bunker { url: Secret, client: SignerClient },
    /// Offer a `nostrconnect://` URL and wait for a remote signer to take it (NIP-46).
    NostrConnect {
        relays: Vec<RelayUrl>,
        client: SignerClient,
    },
    /// A remote signer's session, as `CryptoToPage::Session` gave it.
    Session(Secret),
}

/// What a remote signer is told of the client (NIP-46).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignerClient {
    /// Comma-separated, such as `nip44_encrypt,sign_event:1`; empty asks for none.
    pub permissions: String,
    /// Empty where the page does not say.
    pub name: String,
    pub url: String,
    pub image: String,
}

/// A secret in transit; it prints as nothing and is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub zeroize::Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}
