//! Which events the store keeps, from what the index knows of them: NIP-01 (replaceable, addressable, ephemeral),
//! NIP-09 (deletions) and NIP-40 (expiry).

use super::index::{Admission, Index, Place, Slot, key};
use super::meta::{Deletion, Extra, Meta};
use crate::nostr::kind::{Kind, Retention};
use crate::time::UnixSeconds;

impl Index {
    /// Offers an event.
    pub fn admit(&mut self, meta: &Meta, place: Place, length: u32, now: UnixSeconds) -> Admission {
        if let Some(slot) = self.find(&meta.id) {
            return Admission::Known(slot);
        }
        let author = self.intern(&meta.pubkey);
        let expired = meta.expiration.is_some_and(|at| at <= now);
        if expired || meta.kind.retention() == Retention::Ephemeral || self.is_deleted(meta, author) {
            return Admission::Refused;
        }
        let mut killed = Vec::new();
        let former = meta.address.and_then(|a| self.at_address(author, meta.kind, a));
        if former.is_some_and(|slot| !self.supersedes(meta, slot)) {
            return Admission::Refused;
        }
        killed.extend(former);
        if let Extra::Deletion(deletion) = &meta.extra {
            self.deletes(author, meta.created_at, deletion, &mut killed);
        }
        for slot in &killed {
            self.kill(*slot);
        }
        let slot = self.insert(meta, author, place, length);
        Admission::Admitted { slot, killed }
    }

    fn at_address(&self, author: u32, kind: Kind, address: u64) -> Option<Slot> {
        self.first_where(key::address(address), |entry| {
            entry.author == author && entry.kind == kind
        })
    }

    /// NIP-01: the newer one stays, or the lower id of two from the same second.
    fn supersedes(&self, meta: &Meta, slot: Slot) -> bool {
        self.rank(slot)
            .is_none_or(|rank| (std::cmp::Reverse(meta.created_at), meta.id) < rank)
    }

    fn is_deleted(&self, meta: &Meta, author: u32) -> bool {
        // NIP-09: a deletion of a deletion has no effect.
        let by_id = meta.kind != Kind::DELETION
            && self
                .deleted_ids
                .get(&meta.id)
                .is_some_and(|authors| authors.contains(&author));
        let bound = meta.address.and_then(|a| self.deleted_addresses.get(&(author, a)));
        by_id || bound.is_some_and(|bound| meta.created_at <= *bound)
    }

    /// Notes what a deletion deletes from now on, and lists what it deletes now.
    fn deletes(&mut self, author: u32, created_at: UnixSeconds, deletion: &Deletion, killed: &mut Vec<Slot>) {
        for id in &deletion.ids {
            let authors = self.deleted_ids.entry(*id).or_default();
            if !authors.contains(&author) {
                authors.push(author);
            }
            let target = self.first_where(key::id(id), |entry| {
                entry.id == *id && entry.author == author && entry.kind != Kind::DELETION
            });
            killed.extend(target);
        }
        for address in &deletion.addresses {
            let bound = self.deleted_addresses.entry((author, *address)).or_default();
            *bound = created_at.max(*bound);
            let target = self.first_where(key::address(*address), |entry| {
                entry.author == author && entry.created_at <= created_at
            });
            killed.extend(target);
        }
    }
}
