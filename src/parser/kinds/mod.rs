//! Kinds: what an event of each kind says, as plain data.
//!
//! What cannot be read is absent; nothing is invented. Nothing here fetches,
//! decrypts or keeps anything: an encrypted part is parsed from the text handed in.

mod addressable;
mod kind0000;
mod kind0001;
mod kind0003;
mod kind0004;
mod kind0005;
mod kind0006;
mod kind0007;
mod kind0014;
mod kind0020;
mod kind10002;
mod kind1068;
mod kind1111;
mod kind30023;
mod kind30311;
mod kind7375;
mod kind9321;
mod kind9735;
mod list;
pub mod markdown;
mod private;
mod request;
pub mod tags;

pub use addressable::Addressable;
pub use kind0000::{Birthday, Profile};
pub use kind0001::Note;
pub use kind0003::Contact;
pub use kind0004::{DirectMessage, Plaintext};
pub use kind0005::Deletion;
pub use kind0006::Repost;
pub use kind0007::{External, ExternalReaction, Reaction, ReactionType};
pub use kind0014::{EncryptedFile, GiftWrap, Message, MessageBody, Seal, Unsealed};
pub use kind0020::MediaPost;
pub use kind1068::{Poll, PollOption, PollResponse, PollType};
pub use kind1111::{Comment, Scope};
pub use kind7375::wallet_content_holds;
pub use kind7375::{Direction, HistoryEntry, Wallet, WalletHistory, WalletKey, WalletQuote, WalletToken};
pub use kind9321::{Mint, Nutzap, NutzapInfo, is_lock_key};
pub use kind9735::{Zap, ZapRequest, amount as zap_amount};
pub use kind10002::RelayUse;
pub use kind30023::Article;
pub use kind30311::{LiveActivity, LiveChat, LiveStatus, Participant};
pub use list::{Emoji, List, ListItems, PrivateItems, is_list};
pub use private::{Encryption, Lock, Private, encryption};
pub use request::{Request, requests};

use crate::nostr::event::{Event, RawEvent};

/// What an event says. One variant a family of kinds, named as in `fbs/kinds/parsed.fbs`.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// 0.
    Profile(Box<Profile>),
    /// 1.
    Note(Box<Note>),
    /// 3.
    Contacts(Vec<Contact>),
    /// 4.
    DirectMessage(Box<DirectMessage>),
    /// 5.
    Deletion(Deletion),
    /// 6, 16.
    Repost(Box<Repost>),
    /// 7.
    Reaction(Box<Reaction>),
    /// 13.
    Seal(Seal),
    /// 17.
    ExternalReaction(Box<ExternalReaction>),
    /// 20, 21, 22.
    MediaPost(Box<MediaPost>),
    /// 1018.
    PollResponse(PollResponse),
    /// 1059.
    GiftWrap(GiftWrap),
    /// 1068.
    Poll(Box<Poll>),
    /// 1111.
    Comment(Box<Comment>),
    /// 1311.
    LiveChat(Box<LiveChat>),
    /// 7374.
    WalletQuote(WalletQuote),
    /// 7375.
    WalletToken(Private<WalletToken>),
    /// 7376.
    WalletHistory(Box<WalletHistory>),
    /// 9321.
    Nutzap(Box<Nutzap>),
    /// 9734.
    ZapRequest(Box<ZapRequest>),
    /// 9735.
    Zap(Box<Zap>),
    /// 10002.
    RelayList(Vec<RelayUse>),
    /// 10019.
    NutzapInfo(NutzapInfo),
    /// 17375.
    Wallet(Private<Wallet>),
    /// NIP-51.
    List(Box<List>),
    /// 30023, 30024.
    Article(Box<Article>),
    /// 30311.
    LiveActivity(Box<LiveActivity>),
    /// 30000 to 39999 else.
    Addressable(Box<Addressable>),
}

impl Parsed {
    /// Its encrypted part cannot be read by anybody: it was made wrong.
    pub fn unreadable(&mut self) {
        match self {
            Parsed::DirectMessage(message) => message.message.give_up(),
            Parsed::Seal(seal) => seal.rumor.give_up(),
            Parsed::GiftWrap(wrap) => wrap.content.give_up(),
            Parsed::WalletQuote(quote) => quote.quote.give_up(),
            Parsed::WalletToken(token) => token.give_up(),
            Parsed::WalletHistory(history) => history.entry.give_up(),
            Parsed::Wallet(wallet) => wallet.give_up(),
            Parsed::List(list) => list.private.iter_mut().for_each(|private| private.items.give_up()),
            Parsed::Profile(_)
            | Parsed::Note(_)
            | Parsed::Contacts(_)
            | Parsed::Deletion(_)
            | Parsed::Repost(_)
            | Parsed::Reaction(_)
            | Parsed::ExternalReaction(_)
            | Parsed::MediaPost(_)
            | Parsed::PollResponse(_)
            | Parsed::Poll(_)
            | Parsed::Comment(_)
            | Parsed::LiveChat(_)
            | Parsed::Nutzap(_)
            | Parsed::ZapRequest(_)
            | Parsed::Zap(_)
            | Parsed::RelayList(_)
            | Parsed::NutzapInfo(_)
            | Parsed::Article(_)
            | Parsed::LiveActivity(_)
            | Parsed::Addressable(_) => {}
        }
    }
}

/// Reads `event`. `decrypted` is the plain text of its encrypted content, where it has one and it could be had; of
/// a gift wrap, the rumor that the crypto role found in it.
///
/// `None` for a kind without a parser, and for an event that lacks what its kind cannot do without.
pub fn parse(event: &Event, decrypted: Option<&str>) -> Option<Parsed> {
    read(event, decrypted)
}

fn read(event: &RawEvent, decrypted: Option<&str>) -> Option<Parsed> {
    Some(match event.kind.0 {
        0 => Parsed::Profile(Box::new(kind0000::parse(event))),
        1 => Parsed::Note(Box::new(kind0001::parse(event))),
        3 => Parsed::Contacts(kind0003::parse(event)),
        4 => Parsed::DirectMessage(Box::new(kind0004::parse(event, decrypted)?)),
        5 => Parsed::Deletion(kind0005::parse(event)?),
        6 | 16 => Parsed::Repost(Box::new(kind0006::parse(event)?)),
        7 => Parsed::Reaction(Box::new(kind0007::parse(event)?)),
        13 => Parsed::Seal(kind0014::parse_seal(event, decrypted)),
        17 => Parsed::ExternalReaction(Box::new(kind0007::parse_external(event)?)),
        20..=22 => Parsed::MediaPost(Box::new(kind0020::parse(event)?)),
        1018 => Parsed::PollResponse(kind1068::parse_response(event)?),
        1059 => Parsed::GiftWrap(kind0014::parse_wrap(event, decrypted)),
        1068 => Parsed::Poll(Box::new(kind1068::parse(event)?)),
        1111 => Parsed::Comment(Box::new(kind1111::parse(event)?)),
        1311 => Parsed::LiveChat(Box::new(kind30311::parse_chat(event)?)),
        7374 => Parsed::WalletQuote(kind7375::parse_quote(event, decrypted)),
        7375 => Parsed::WalletToken(kind7375::parse_token(decrypted)),
        7376 => Parsed::WalletHistory(Box::new(kind7375::parse_history(event, decrypted))),
        9321 => Parsed::Nutzap(Box::new(kind9321::parse(event)?)),
        9734 => Parsed::ZapRequest(Box::new(kind9735::parse_request(event))),
        9735 => Parsed::Zap(Box::new(kind9735::parse(event)?)),
        10_002 => Parsed::RelayList(kind10002::parse(event)),
        10_019 => Parsed::NutzapInfo(kind9321::parse_info(event)),
        17_375 => Parsed::Wallet(kind7375::parse_wallet(decrypted)),
        30_023 | 30_024 => Parsed::Article(Box::new(kind30023::parse(event))),
        30_311 => Parsed::LiveActivity(Box::new(kind30311::parse(event))),
        _ if list::is_list(event.kind) => Parsed::List(Box::new(list::parse(event, decrypted))),
        30_000..=39_999 => Parsed::Addressable(Box::new(addressable::parse(event))),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
