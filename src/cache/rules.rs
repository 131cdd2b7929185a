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
        // Each once, though its deletion may name it by id, again, and by address: what is killed is counted.
        killed.retain(|slot| self.kill(*slot));
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

#[cfg(test)]
mod tests {
    use crate::cache::testing::{World, event, note};
    use crate::nostr::event::{Event, Pubkey};

    /// The address of what `Pubkey([1; 32])` wrote.
    fn address(kind: u16, d: &str) -> String {
        format!("{kind}:{}:{d}", Pubkey([1; 32]))
    }

    #[test]
    fn of_two_versions_from_one_second_the_lower_id_stays_whichever_comes_first() {
        for (kind, tags) in [(0, &[][..]), (10_002, &[]), (30_023, &[&["d", "x"][..]])] {
            let mut versions: Vec<Event> = (0..6).map(|n| event(1, kind, 9, tags, &n.to_string())).collect();
            versions.sort_by_key(|version| version.id);
            let lowest = versions[0].content.clone();
            for turn in 0..versions.len() {
                versions.rotate_left(turn);
                let mut world = World::new();
                world.keep(&versions);
                assert_eq!(world.contents(&["{}"]), [lowest.as_str()], "kind {kind}, turn {turn}");
            }
        }
    }

    #[test]
    fn an_addressable_event_without_a_d_is_the_one_with_an_empty_d() {
        let no_d: [&[&[&str]]; 4] = [&[], &[&["d"]], &[&["d", ""]], &[&["d"], &["d", "x"]]];
        let mut world = World::new();
        for (n, tags) in no_d.into_iter().enumerate() {
            world.keep(&[event(1, 30_023, 10 + n as u64, tags, &n.to_string())]);
            assert_eq!(world.contents(&["{}"]), [n.to_string()]);
        }
        world.keep(&[
            event(1, 30_023, 20, &[&["d", "x"]], "another"),
            event(1, 5, 30, &[&["a", &address(30_023, "")]], "deletion"),
        ]);
        assert_eq!(world.contents(&["{}"]), ["deletion", "another"]);
    }

    #[test]
    fn a_deletion_by_address_reaches_versions_up_to_its_own_second_and_no_later_one() {
        for (kind, d, tags) in [(30_023, "x:y", &[&["d", "x:y"][..]][..]), (10_002, "", &[])] {
            let version = |at: u64| event(1, kind, at, tags, &at.to_string());
            let deletion = event(1, 5, 50, &[&["a", &address(kind, d)]], "deletion");
            let kept = |order: &[&Event]| {
                let mut world = World::new();
                for event in order {
                    world.keep([*event]);
                }
                world.contents(&[&format!("{{\"kinds\":[{kind}]}}")])
            };
            for at in [49, 50] {
                assert_eq!(kept(&[&version(at), &deletion]), [""; 0], "kind {kind} at {at}");
                assert_eq!(kept(&[&deletion, &version(at)]), [""; 0], "kind {kind} at {at}, late");
            }
            assert_eq!(kept(&[&version(51), &deletion]), ["51"]);
            assert_eq!(kept(&[&deletion, &version(51)]), ["51"]);
            // An older deletion that comes late takes nothing back of what a newer one has deleted.
            let older = event(1, 5, 40, &[&["a", &address(kind, d)]], "older");
            assert_eq!(kept(&[&deletion, &older, &version(45)]), [""; 0]);
        }
    }

    #[test]
    fn nobody_deletes_by_the_address_of_another() {
        let mut world = World::new();
        world.keep(&[
            event(1, 30_023, 1, &[&["d", "x"]], "theirs"),
            event(2, 5, 2, &[&["a", &address(30_023, "x")]], "deletion"),
        ]);
        assert_eq!(world.contents(&["{}"]), ["deletion", "theirs"]);
    }

    #[test]
    fn a_deletion_that_comes_first_holds_for_its_author_alone() {
        let mut world = World::new();
        let (mine, theirs) = (event(1, 1, 9, &[], "mine"), event(2, 1, 9, &[], "theirs"));
        let ids = [mine.id.to_string(), theirs.id.to_string()];
        // By id the date says nothing: the event may be dated after its deletion.
        world.keep(&[event(1, 5, 2, &[&["e", &ids[0]], &["e", &ids[1]]], "deletion")]);
        world.keep(&[mine, theirs]);
        assert_eq!(world.contents(&["{}"]), ["theirs", "deletion"]);
    }

    #[test]
    fn an_event_that_its_deletion_names_again_and_again_is_counted_once() {
        let mut world = World::new();
        let article = event(1, 30_023, 1, &[&["d", "x"]], "article");
        let (id, address) = (article.id.to_string(), address(30_023, "x"));
        let (e, a): (&[&str], &[&str]) = (&["e", &id], &["a", &address]);
        world.keep(&[article, note(2), event(1, 5, 3, &[e, a, e, a], "deletion")]);
        assert_eq!(world.contents(&["{}"]), ["deletion", "note 2"]);
        assert_eq!(world.counter("superseded"), 1);
    }
}
