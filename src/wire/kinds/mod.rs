//! What the Parse pipe read, in the tables of `fbs/kinds`.
//!
//! Written only: no role reads it, so the .wasm carries no reader and no verifier for it. The page's reader
//! is `js/kinds.ts`.

mod content;
mod money;
mod notes;
mod people;
mod private;
mod references;

use flatbuffers::{FlatBufferBuilder, ForwardsUOffset, UnionWIPOffset, Vector, WIPOffset};

use super::filter::write_filter;
use super::nostr::{event_bytes, write_relays};
use super::{builder, fb, finish};
use crate::message::Reading;
use crate::nostr::event::{Event, EventId, Pubkey};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::parser::kinds::{Lock, Parsed, Private, Request};
use crate::time::UnixSeconds;

type Builder<'f> = FlatBufferBuilder<'f>;
type Text<'f> = WIPOffset<&'f str>;
type Many<'f, T> = WIPOffset<Vector<'f, ForwardsUOffset<T>>>;
type Hashes<'f> = WIPOffset<Vector<'f, fb::Hash>>;
type Member = (fb::Parsed, WIPOffset<UnionWIPOffset>);

/// The bytes of a `Reading` of `event`.
pub(super) fn write_reading(event: &Event, reading: &Reading) -> Vec<u8> {
    // A text is there twice: as what it says, and as the URL or code it holds.
    let mut fbb = builder(2 * event_bytes(event));
    let (parsed_type, parsed) = write_parsed(&mut fbb, event, &reading.parsed);
    let args = fb::ReadingArgs {
        parsed_type,
        parsed: Some(parsed),
        requests: each(&mut fbb, &reading.requests, follow_up),
        lock: reading.lock.map_or(fb::Lock::None, lock),
        unlocked: reading.unlocked,
    };
    let reading = fb::Reading::create(&mut fbb, &args);
    finish(fbb, reading)
}

fn write_parsed(fbb: &mut Builder<'_>, event: &Event, parsed: &Parsed) -> Member {
    use fb::Parsed as P;
    let text = &event.content;
    match parsed {
        Parsed::Profile(profile) => (P::Profile, people::profile(fbb, profile)),
        Parsed::Note(note) => (P::Note, notes::note(fbb, text, note)),
        Parsed::Contacts(contacts) => (P::Contacts, people::contacts(fbb, contacts)),
        Parsed::DirectMessage(message) => (P::DirectMessage, private::direct_message(fbb, message)),
        Parsed::Deletion(deletion) => (P::Deletion, notes::deletion(fbb, deletion)),
        Parsed::Repost(repost) => (P::Repost, notes::repost(fbb, repost)),
        Parsed::Reaction(reaction) => (P::Reaction, notes::reaction(fbb, reaction)),
        Parsed::Seal(seal) => (P::Seal, private::seal(fbb, seal)),
        Parsed::ExternalReaction(reaction) => (P::ExternalReaction, notes::external_reaction(fbb, reaction)),
        Parsed::MediaPost(post) => (P::MediaPost, notes::media_post(fbb, text, post)),
        Parsed::PollResponse(response) => (P::PollResponse, notes::poll_response(fbb, response)),
        Parsed::GiftWrap(wrap) => (P::GiftWrap, private::gift_wrap(fbb, wrap)),
        Parsed::Poll(poll) => (P::Poll, notes::poll(fbb, text, poll)),
        Parsed::Comment(comment) => (P::Comment, notes::comment(fbb, text, comment)),
        Parsed::LiveChat(chat) => (P::LiveChat, people::live_chat(fbb, text, chat)),
        Parsed::WalletQuote(quote) => (P::WalletQuote, money::wallet_quote(fbb, quote)),
        Parsed::WalletToken(token) => (P::WalletToken, money::wallet_token(fbb, token)),
        Parsed::WalletHistory(history) => (P::WalletHistory, money::wallet_history(fbb, history)),
        Parsed::Nutzap(nutzap) => (P::Nutzap, money::nutzap(fbb, nutzap)),
        Parsed::ZapRequest(zap) => (P::ZapRequest, money::zap_request(fbb, zap)),
        Parsed::Zap(zap) => (P::Zap, money::zap(fbb, zap)),
        Parsed::RelayList(relays) => (P::RelayList, people::relay_list(fbb, relays)),
        Parsed::NutzapInfo(info) => (P::NutzapInfo, money::nutzap_info(fbb, info)),
        Parsed::Wallet(wallet) => (P::Wallet, money::wallet(fbb, wallet)),
        Parsed::List(list) => (P::List, people::list(fbb, list)),
        Parsed::Article(article) => (P::Article, notes::article(fbb, article)),
        Parsed::LiveActivity(live) => (P::LiveActivity, people::live_activity(fbb, live)),
        Parsed::Addressable(other) => (P::Addressable, people::addressable(fbb, other)),
    }
}

fn follow_up<'f>(fbb: &mut Builder<'f>, request: &Request) -> WIPOffset<fb::FollowUp<'f>> {
    let args = fb::FollowUpArgs {
        filter: Some(write_filter(fbb, &request.filter)),
        relays: write_relays(fbb, &request.relays),
    };
    fb::FollowUp::create(fbb, &args)
}

fn text<'f>(fbb: &mut Builder<'f>, text: &Option<String>) -> Option<Text<'f>> {
    text.as_deref().map(|text| fbb.create_string(text))
}

fn relay<'f>(fbb: &mut Builder<'f>, relay: &Option<RelayUrl>) -> Option<Text<'f>> {
    relay.as_ref().map(|relay| fbb.create_string(relay.as_str()))
}

/// No strings are no vector.
fn texts<'f>(fbb: &mut Builder<'f>, texts: &[String]) -> Option<Many<'f, &'f str>> {
    each(fbb, texts, |fbb, text| fbb.create_string(text))
}

/// No items are no vector.
fn each<'f, T, O>(
    fbb: &mut Builder<'f>,
    items: &[T],
    write: impl Fn(&mut Builder<'f>, &T) -> WIPOffset<O>,
) -> Option<Many<'f, O>> {
    let offsets: Vec<_> = items.iter().map(|item| write(fbb, item)).collect();
    (!offsets.is_empty()).then(|| fbb.create_vector(&offsets))
}

/// No ids are no vector.
fn ids<'f>(fbb: &mut Builder<'f>, ids: &[EventId]) -> Option<Hashes<'f>> {
    (!ids.is_empty()).then(|| super::nostr::write_ids(fbb, ids))
}

fn key(pubkey: Option<Pubkey>) -> Option<fb::Hash> {
    pubkey.map(|pubkey| fb::Hash(pubkey.0))
}

fn id(id: Option<EventId>) -> Option<fb::Hash> {
    id.map(|id| fb::Hash(id.0))
}

fn kind(kind: Option<Kind>) -> Option<u16> {
    kind.map(|kind| kind.0)
}

fn time(time: Option<UnixSeconds>) -> Option<u64> {
    time.map(|time| time.0)
}

fn lock(lock: Lock) -> fb::Lock {
    match lock {
        Lock::NoSigner => fb::Lock::NoSigner,
        Lock::OtherKey => fb::Lock::OtherKey,
        Lock::Refused => fb::Lock::Refused,
        Lock::TimedOut => fb::Lock::TimedOut,
        Lock::Disconnected => fb::Lock::Disconnected,
        Lock::Unsupported => fb::Lock::Unsupported,
    }
}

fn state<T>(private: &Private<T>) -> fb::PrivateState {
    match private {
        Private::Open(_) => fb::PrivateState::Open,
        Private::Locked => fb::PrivateState::Locked,
        Private::Unreadable => fb::PrivateState::Unreadable,
    }
}
