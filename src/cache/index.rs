//! What the store knows of all its events in memory.
//!
//! Each event is an `Entry` in a slot; each way to find it is a `Posting`, all in one
//! ordered set: key, then newest first, then slot. What is kept is decided in `rules`, from
//! metadata alone, and dead events' postings are taken out in `sweep`; the events' bytes are
//! the store's business.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::meta::{Extra, Meta, RelayList};
use super::seen::{SeenSet, SeenSets};
use super::segment::Spot;
use super::sweep::Sweep;
use crate::nostr::event::{EventId, Pubkey};
use crate::nostr::kind::Kind;
use crate::nostr::relay_url::RelayUrl;
use crate::time::UnixSeconds;

/// An event's number in memory.
pub type Slot = u32;
/// Its place among all, newest first, the lowest id first among equals (NIP-01).
pub type Rank = (std::cmp::Reverse<UnixSeconds>, EventId);

/// Where an event's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// With the store, until they are written.
    Unsaved,
    /// In this segment.
    At { segment: u32, spot: Spot },
    /// In a segment that another writer has taken away; its new place is being looked for.
    Lost,
}

/// One event, without its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub id: EventId,
    pub created_at: UnixSeconds,
    pub author: u32,
    pub place: Place,
    /// Bytes of its record.
    pub length: u32,
    pub kind: Kind,
    /// Where it was seen; see `Index::seen`.
    seen: SeenSet,
    pub own: bool,
    pub alive: bool,
}

/// What became of an event that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is in `slot` now; the events in `killed` had to go for it.
    Admitted { slot: Slot, killed: Vec<Slot> },
    /// It was there already.
    Known(Slot),
    /// It is ephemeral, expired, deleted or superseded.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Posting {
    pub key: u64,
    /// `created_at` counted from the end of time, so that the newest comes first.
    pub age: u32,
    pub slot: Slot,
}

#[derive(Default)]
pub struct Index {
    entries: Vec<Entry>,
    /// Dead entries leave their postings behind; `sweep` takes those out little by little.
    pub(super) postings: BTreeSet<Posting>,
    pub(super) sweep: Sweep,
    authors: HashMap<Pubkey, u32>,
    pubkeys: Vec<Pubkey>,
    /// By id: the authors who asked for its deletion.
    pub(super) deleted_ids: HashMap<EventId, Vec<u32>>,
    /// By author and address: everything up to this time is deleted.
    pub(super) deleted_addresses: HashMap<(u32, u64), UnixSeconds>,
    relay_lists: HashMap<u32, (Slot, RelayList)>,
    /// One copy of each relay's name.
    relay_names: HashSet<RelayUrl>,
    seen: SeenSets,
    expirations: BTreeSet<(UnixSeconds, Slot)>,
    /// The same by slot, of live events only.
    expires: HashMap<Slot, UnixSeconds>,
    pub(super) alive: usize,
}

/// The keys of postings. The first byte is the way of finding, the rest is exact or a hash;
/// whoever finds by a hash compares the real value.
pub mod key {
    use super::*;

    pub const ALL: u64 = 1 << 56;

    pub fn kind(kind: Kind) -> u64 {
        (2 << 56) | u64::from(kind.0)
    }
    pub fn author(author: u32) -> u64 {
        (3 << 56) | u64::from(author)
    }
    pub fn author_kind(author: u32, kind: Kind) -> u64 {
        (4 << 56) | (u64::from(author) << 16) | u64::from(kind.0)
    }
    pub fn tag(hash: u64) -> u64 {
        (5 << 56) | (hash >> 8)
    }
    pub fn address(hash: u64) -> u64 {
        (6 << 56) | (hash >> 8)
    }
    pub fn id(id: &EventId) -> u64 {
        let [a, b, c, d, e, f, g, ..] = id.0;
        u64::from_be_bytes([7, a, b, c, d, e, f, g])
    }
}

impl Index {
    /// The live event in `slot`.
    pub fn get(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot as usize).filter(|entry| entry.alive)
    }

    pub fn set_place(&mut self, slot: Slot, place: Place, length: u32) {
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            entry.place = place;
            entry.length = length;
        }
    }

    /// Notes that an event was published here; it stays so.
    pub fn set_own(&mut self, slot: Slot, own: bool) {
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            entry.own |= own;
        }
    }

    /// Notes that these relays have an event, too.
    pub fn add_seen(&mut self, slot: Slot, relays: Vec<RelayUrl>) {
        if let Some(entry) = self.entries.get_mut(slot as usize) {
            entry.seen = self.seen.with(entry.seen, relays);
        }
    }

    /// The relays that had a live event, as far as is known.
    pub fn seen(&self, slot: Slot) -> &[RelayUrl] {
        self.get(slot).map_or(&[], |entry| self.seen.get(entry.seen))
    }

    /// A dead event that has not been swept.
    pub fn dead(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot as usize).filter(|entry| !entry.alive)
    }

    /// The events of these segments have lost their place.
    pub fn lose(&mut self, segments: &HashSet<u32>) {
        for entry in &mut self.entries {
            if matches!(entry.place, Place::At { segment, .. } if segments.contains(&segment)) {
                entry.place = Place::Lost;
            }
        }
    }

    /// The live events without a place.
    pub fn lost(&self) -> Vec<Slot> {
        self.slots_where(|entry| entry.place == Place::Lost)
    }

    /// The live events at these spots of segments.
    pub fn slots_at(&self, spots: &HashSet<(u32, Spot)>) -> Vec<Slot> {
        if spots.is_empty() {
            return Vec::new();
        }
        self.slots_where(|entry| match entry.place {
            Place::At { segment, spot } => spots.contains(&(segment, spot)),
            Place::Unsaved | Place::Lost => false,
        })
    }

    /// Live events.
    pub fn len(&self) -> usize {
        self.alive
    }

    pub fn pubkey(&self, author: u32) -> Option<&Pubkey> {
        self.pubkeys.get(author as usize)
    }

    /// The number of an author of whom something is or was stored.
    pub fn author(&self, pubkey: &Pubkey) -> Option<u32> {
        self.authors.get(pubkey).copied()
    }

    /// Where `pubkey` says that it reads and writes (NIP-65).
    pub fn relay_list(&self, pubkey: &Pubkey) -> Option<&RelayList> {
        self.relay_lists.get(&self.author(pubkey)?).map(|(_, list)| list)
    }

    /// The live event of this id.
    pub fn find(&self, id: &EventId) -> Option<Slot> {
        self.first_where(key::id(id), |entry| entry.id == *id)
    }

    /// Takes an event out; false if it is out already. Its postings stay until they are swept.
    pub fn kill(&mut self, slot: Slot) -> bool {
        let Some(entry) = self.entries.get_mut(slot as usize).filter(|entry| entry.alive) else {
            return false;
        };
        entry.alive = false;
        self.alive -= 1;
        self.sweep.waiting.push(slot);
        if let Some(at) = self.expires.remove(&slot) {
            self.expirations.remove(&(at, slot));
        }
        if entry.kind == Kind::RELAY_LIST && self.relay_lists.get(&entry.author).is_some_and(|(at, _)| *at == slot) {
            self.relay_lists.remove(&entry.author);
        }
        true
    }

    /// A live event that has expired by `now` (NIP-40).
    pub fn expired(&self, now: UnixSeconds) -> Option<Slot> {
        let (at, slot) = self.expirations.first()?;
        (*at <= now).then_some(*slot)
    }

    /// The live events of `key` that share the next `created_at`, at most `until` old or older, newest first.
    pub fn group(&self, key: u64, until_age: u32) -> Option<(u32, Vec<Slot>)> {
        let mut found: Option<(u32, Vec<Slot>)> = None;
        let from = Posting {
            key,
            age: until_age,
            slot: 0,
        };
        for posting in self.postings.range(from..).take_while(|posting| posting.key == key) {
            if found.as_ref().is_some_and(|(age, _)| *age != posting.age) {
                break;
            }
            if self.get(posting.slot).is_some() {
                found
                    .get_or_insert_with(|| (posting.age, Vec::new()))
                    .1
                    .push(posting.slot);
            }
        }
        if let Some((_, slots)) = &mut found {
            self.sort(slots);
        }
        found
    }

    /// How many postings `key` has, counted up to `most`.
    pub fn count(&self, key: u64, most: usize) -> usize {
        let from = Posting { key, age: 0, slot: 0 };
        let postings = self.postings.range(from..);
        postings.take_while(|posting| posting.key == key).take(most).count()
    }

    /// Whether the live event in `slot` can be found by `key`.
    pub fn has(&self, slot: Slot, key: u64) -> bool {
        self.get(slot).is_some_and(|entry| {
            let age = age(entry.created_at);
            self.postings.contains(&Posting { key, age, slot })
        })
    }

    /// The live events, oldest first, after the one that `after` names.
    pub fn oldest(&self, after: Option<(u32, Slot)>) -> impl Iterator<Item = (u32, Slot)> + '_ {
        let first = Posting {
            key: key::ALL,
            age: 0,
            slot: 0,
        };
        let (age, slot) = after.unwrap_or((u32::MAX, Slot::MAX));
        let last = Posting { age, slot, ..first };
        let postings = self.postings.range(first..last).rev();
        postings
            .filter(|posting| self.get(posting.slot).is_some())
            .map(|posting| (posting.age, posting.slot))
    }

    /// The rank of the live event in `slot`.
    pub fn rank(&self, slot: Slot) -> Option<Rank> {
        self.get(slot)
            .map(|entry| (std::cmp::Reverse(entry.created_at), entry.id))
    }

    /// Sorts by `rank`.
    pub fn sort(&self, slots: &mut [Slot]) {
        slots.sort_unstable_by_key(|slot| self.rank(*slot));
    }

    fn slots_where(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<Slot> {
        let slots = (0..).zip(&self.entries);
        let wanted = slots.filter(|(_, entry)| entry.alive && wanted(entry));
        wanted.map(|(slot, _)| slot).collect()
    }

    pub(super) fn first_where(&self, key: u64, wanted: impl Fn(&Entry) -> bool) -> Option<Slot> {
        let from = Posting { key, age: 0, slot: 0 };
        self.postings
            .range(from..)
            .take_while(|posting| posting.key == key)
            .map(|posting| posting.slot)
            .find(|slot| self.get(*slot).is_some_and(&wanted))
    }

    pub(super) fn insert(&mut self, meta: &Meta, author: u32, place: Place, length: u32) -> Slot {
        let entry = Entry {
            id: meta.id,
            created_at: meta.created_at,
            author,
            place,
            length,
            kind: meta.kind,
            seen: self.seen.number(meta.seen.clone()),
            own: meta.own,
            alive: true,
        };
        let slot = match self.sweep.free.pop() {
            Some(slot) => slot,
            None => {
                self.entries.push(entry);
                self.entries.len() as Slot - 1
            }
        };
        if let Some(place) = self.entries.get_mut(slot as usize) {
            *place = entry;
        }
        self.alive += 1;
        let age = age(meta.created_at);
        let keys = [
            key::ALL,
            key::kind(meta.kind),
            key::author(author),
            key::author_kind(author, meta.kind),
            key::id(&meta.id),
        ];
        let tags = meta.tags.iter().map(|tag| key::tag(*tag));
        for key in keys.into_iter().chain(tags).chain(meta.address.map(key::address)) {
            self.postings.insert(Posting { key, age, slot });
        }
        if let Some(at) = meta.expiration {
            self.expirations.insert((at, slot));
            self.expires.insert(slot, at);
        }
        if let Extra::Relays(list) = &meta.extra {
            let list = RelayList {
                write: self.name_relays(&list.write),
                read: self.name_relays(&list.read),
            };
            self.relay_lists.insert(author, (slot, list));
        }
        slot
    }

    pub(super) fn intern(&mut self, pubkey: &Pubkey) -> u32 {
        *self.authors.entry(*pubkey).or_insert_with(|| {
            self.pubkeys.push(*pubkey);
            self.pubkeys.len() as u32 - 1
        })
    }

    fn name_relays(&mut self, relays: &[RelayUrl]) -> Vec<RelayUrl> {
        relays
            .iter()
            .map(|relay| match self.relay_names.get(relay) {
                Some(known) => known.clone(),
                None => {
                    self.relay_names.insert(relay.clone());
                    relay.clone()
                }
            })
            .collect()
    }
}

/// `created_at` as postings count it. Times after 2106 share one age; `rank` tells them apart.
pub fn age(created_at: UnixSeconds) -> u32 {
    u32::MAX - u32::try_from(created_at.0).unwrap_or(u32::MAX)
}
