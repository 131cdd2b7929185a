//! What is encrypted in events, and having it opened by the crypto role before the Parse pipe reads it.
//!
//! An event for another key than the signer's, or with nobody signed in, is locked at once: a signer is not bothered
//! with what it cannot open. The others are asked for a few at a time, each once however many subscriptions wait
//! for it. Every question is answered, for the crypto role times each: so everything submitted comes back.
//! What is opened is handed on and not kept.

use std::collections::{HashMap, VecDeque};

use super::kinds::tags::{self, ProfileRef};
use super::kinds::{Encryption, Lock, encryption, is_list};
use crate::hashed::HashedMap;
use crate::message::{
    Cipher, ParserToCrypto, RequestId, Secret, SignerAnswer, SignerCall, SignerError, SignerOp, SignerResult,
};
use crate::nostr::event::{Event, EventId, Pubkey, RawEvent};
use crate::nostr::kind::Kind;

/// Questions at the crypto role at one time: enough to keep a remote signer busy, few enough that those that follow
/// are spared when it does not answer.
const MAX_OUT: usize = 64;

/// What became of an event's encrypted part.
#[derive(Clone, Debug, PartialEq)]
pub enum Opened {
    /// Its plain text; of a gift wrap, the JSON of the rumor in it.
    Text(Secret),
    Locked(Lock),
    /// It was made wrong: no key opens it, or what it holds does not hold together.
    Unreadable,
}

/// The encrypted part of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Whose keys open it; none where the event does not say.
    pub readers: Option<[Pubkey; 2]>,
    how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Decrypt(Cipher),
    /// A gift wrap.
    Unwrap,
    /// It should be encrypted, and is not.
    Never,
}

/// What a kind keeps encrypted. The one list of the kinds that do.
enum Secrecy {
    /// A direct message (NIP-04): its author's and its recipient's.
    Conversation,
    /// A seal (NIP-59). Its recipient is on the wrap.
    Seal,
    /// A gift wrap (NIP-59): its recipient's.
    GiftWrap,
    /// Wallet events (NIP-60): their author's.
    Wallet,
    /// The private items of a list (NIP-51), if it has any: its author's.
    List,
}

impl Secrecy {
    fn of(kind: Kind) -> Option<Secrecy> {
        match kind.0 {
            4 => Some(Secrecy::Conversation),
            13 => Some(Secrecy::Seal),
            1059 => Some(Secrecy::GiftWrap),
            7374 | 7375 | 7376 | 17_375 => Some(Secrecy::Wallet),
            _ => is_list(kind).then_some(Secrecy::List),
        }
    }
}

/// The encrypted part of `event`, if its kind has one that the engine reads.
pub fn sealed(event: &RawEvent) -> Option<Sealed> {
    let secrecy = Secrecy::of(event.kind)?;
    let how = || match encryption(&event.content) {
        Some(Encryption::Nip04) => How::Decrypt(Cipher::Nip04),
        Some(Encryption::Nip44) => How::Decrypt(Cipher::Nip44),
        None => How::Never,
    };
    let recipient = || tags::first(&event.tags, "p", ProfileRef::from_tag).map(|person| person.pubkey);
    let (readers, how) = match secrecy {
        Secrecy::Conversation => (Some([event.pubkey, recipient()?]), how()),
        Secrecy::Seal => (None, how()),
        Secrecy::GiftWrap => (Some([recipient()?; 2]), How::Unwrap),
        Secrecy::Wallet => (Some([event.pubkey; 2]), how()),
        Secrecy::List => match how() {
            How::Never => return None,
            how => (Some([event.pubkey; 2]), how),
        },
    };
    Some(Sealed { readers, how })
}

/// Whether events of this kind have an encrypted part. Most have none, and are not read to find that out.
pub fn may_be_sealed(kind: Kind) -> bool {
    Secrecy::of(kind).is_some()
}

impl Sealed {
    /// Whether the key of `pubkey` may open it.
    pub fn is_for(&self, pubkey: &Pubkey) -> bool {
        self.readers.is_none_or(|readers| readers.contains(pubkey))
    }

    /// The question to the signer of `me`.
    fn op(&self, event: &Event, me: &Pubkey) -> Option<SignerOp> {
        let cipher = match self.how {
            How::Decrypt(cipher) => cipher,
            How::Unwrap => return Some(SignerOp::Unwrap(event.clone().into_raw())),
            How::Never => return None,
        };
        // Of a conversation, the other side; of one's own, oneself.
        let [author, reader] = self.readers.unwrap_or([event.pubkey, *me]);
        let peer = if author == *me { reader } else { author };
        Some(SignerOp::Call(SignerCall::Decrypt {
            cipher,
            peer,
            ciphertext: event.content.clone(),
        }))
    }
}

/// The table of what is being opened. `T` is who waits.
#[derive(Debug)]
pub struct Secrets<T> {
    signer: Option<Pubkey>,
    pending: HashedMap<EventId, Pending<T>>,
    /// Pending and not asked, oldest first.
    queue: VecDeque<EventId>,
    asked: HashMap<RequestId, EventId>,
    /// The signer has been changed, and it is not known yet to whom.
    cancelled: bool,
    opened: u64,
    locked: u64,
}

#[derive(Debug)]
struct Pending<T> {
    op: SignerOp,
    /// The event says who can open it: a failure is its own.
    addressed: bool,
    waiting: Vec<T>,
}

impl<T> Default for Secrets<T> {
    fn default() -> Self {
        Secrets {
            signer: None,
            pending: HashedMap::default(),
            queue: VecDeque::new(),
            asked: HashMap::new(),
            cancelled: false,
            opened: 0,
            locked: 0,
        }
    }
}

impl<T> Secrets<T> {
    /// Whose key the signer has.
    pub fn signer(&self) -> Option<Pubkey> {
        self.signer
    }

    /// Has `event` opened. `ticket` comes back at once with what needs no question, else from `answered` or `use_signer`.
    pub fn submit(&mut self, event: &Event, sealed: &Sealed, ticket: T) -> Option<(T, Opened)> {
        let locked = match self.signer {
            None => Lock::NoSigner,
            Some(me) if sealed.is_for(&me) => {
                if let Some(pending) = self.pending.get_mut(&event.id) {
                    pending.waiting.push(ticket);
                    return None;
                }
                let Some(op) = sealed.op(event, &me) else {
                    return Some((ticket, Opened::Unreadable));
                };
                let pending = Pending {
                    op,
                    addressed: sealed.readers.is_some(),
                    waiting: vec![ticket],
                };
                self.pending.insert(event.id, pending);
                self.queue.push_back(event.id);
                return None;
            }
            Some(_) => Lock::OtherKey,
        };
        self.locked += 1;
        Some((ticket, Opened::Locked(locked)))
    }

    /// The next question for the crypto role, if there is one and it has few enough.
    pub fn next_question(&mut self, request: impl FnOnce() -> RequestId) -> Option<ParserToCrypto> {
        if self.cancelled || self.asked.len() >= MAX_OUT {
            return None;
        }
        let id = self.queue.pop_front()?;
        let op = self.pending.get(&id)?.op.clone();
        let request = request();
        self.asked.insert(request, id);
        Some(ParserToCrypto::Ask { request, op })
    }

    /// Whether `request` was a question of `next_question`.
    pub fn has_asked(&self, request: RequestId) -> bool {
        self.asked.contains_key(&request)
    }

    /// Who waited for this answer, and for others that will not come either.
    pub fn answered(&mut self, request: RequestId, result: SignerResult) -> Vec<(T, Opened)> {
        let Some(id) = self.asked.remove(&request) else {
            return Vec::new();
        };
        let addressed = self.pending.get(&id).is_some_and(|pending| pending.addressed);
        let opened = match result {
            Ok(SignerAnswer::Text(text)) => Opened::Text(text),
            Ok(SignerAnswer::Rumor(rumor)) => Opened::Text(Secret(rumor.to_json())),
            Ok(_) | Err(SignerError::Refused(_)) => Opened::Locked(Lock::Refused),
            Err(SignerError::NoSigner) => Opened::Locked(Lock::NoSigner),
            Err(SignerError::TimedOut) => Opened::Locked(Lock::TimedOut),
            Err(SignerError::Disconnected(_)) => Opened::Locked(Lock::Disconnected),
            Err(SignerError::Unsupported(_)) => Opened::Locked(Lock::Unsupported),
            Err(SignerError::BadInput(_)) if addressed => Opened::Unreadable,
            Err(SignerError::BadInput(_)) => Opened::Locked(Lock::OtherKey),
            Err(SignerError::Cancelled) => {
                // The crypto role says next who signs now.
                self.cancelled = true;
                self.queue.push_front(id);
                return Vec::new();
            }
        };
        let mut told = self.settle(id, &opened);
        if opened == Opened::Locked(Lock::TimedOut) {
            // A signer that does not answer is not waited for again and again.
            for id in std::mem::take(&mut self.queue) {
                told.extend(self.settle(id, &opened));
            }
        }
        told
    }

    /// `signer` is in use from now on. Whoever waits for another's answer comes back, to be submitted anew.
    pub fn use_signer(&mut self, signer: Option<Pubkey>) -> Vec<T> {
        self.cancelled = false;
        if self.signer == signer {
            return Vec::new();
        }
        self.signer = signer;
        self.queue.clear();
        // Their answers, if any come, are to questions about another key.
        self.asked.clear();
        let pending = std::mem::take(&mut self.pending).into_values();
        pending.flat_map(|pending| pending.waiting).collect()
    }

    /// Opened and locked events so far, and those that wait.
    pub fn counters(&self) -> (u64, u64, u64) {
        (self.opened, self.locked, self.pending.len() as u64)
    }

    fn settle(&mut self, id: EventId, opened: &Opened) -> Vec<(T, Opened)> {
        match opened {
            Opened::Text(_) => self.opened += 1,
            Opened::Locked(_) | Opened::Unreadable => self.locked += 1,
        }
        let waiting = self.pending.remove(&id).map(|pending| pending.waiting);
        let waiting = waiting.unwrap_or_default().into_iter();
        waiting.map(|ticket| (ticket, opened.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nostr::event::tests::signed;

    #[test]
    fn no_kind_that_is_not_looked_at_has_an_encrypted_part() {
        let ciphertext = data_encoding::BASE64.encode(&[&[2][..], &[7; 120]].concat());
        let mut event = signed(1, 4, 1, &[&["p", &"ab".repeat(32)]], &ciphertext).into_raw();
        let mut found = 0;
        for kind in 0..=u16::MAX {
            event.kind = Kind(kind);
            let is_sealed = sealed(&event).is_some();
            found += u32::from(is_sealed);
            assert!(!is_sealed || may_be_sealed(event.kind), "{kind}");
        }
        assert!(found > 7, "{found}");
    }
}
