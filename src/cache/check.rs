//! A walk over a whole store, for tests: do the indexes agree with the records?
//!
//! It reads what is on the disk by the layout alone, without the store's help, so that it finds what that overlooks.
//! Never built into what ships.

use std::collections::{HashMap, HashSet};

use super::index_blob;
use super::meta::Meta;
use super::record;
use super::segment::{self, Item, Keys, Spot};
use super::storage::Storage;
use crate::nostr::event::EventId;

/// What a walk has found.
#[derive(Debug, Default)]
pub struct Walk {
    pub segments: usize,
    /// Events that are in an index and not marked dead, each id once.
    pub events: HashSet<EventId>,
    /// Indexed records that are marked dead.
    pub dead: usize,
    /// Live events that are there more than once: another tab has saved them, too.
    pub twice: usize,
    /// What is not as it should be, in words.
    pub problems: Vec<String>,
}

/// Walks over all that is in `storage`.
pub async fn walk(storage: &impl Storage) -> Walk {
    let mut walk = Walk::default();
    let keys = match storage.list("").await {
        Ok(keys) => keys,
        Err(error) => {
            walk.problems.push(format!("it cannot be listed: {error}"));
            return walk;
        }
    };
    let (segments, foreign) = segment::sort_out(keys);
    walk.problems
        .extend(foreign.iter().map(|key| format!("{key} belongs to no segment")));
    for (name, keys) in segments {
        walk.segments += 1;
        walk.segment(storage, &name, &keys).await;
    }
    walk
}

impl Walk {
    async fn segment(&mut self, storage: &impl Storage, name: &str, keys: &Keys) {
        let index = match read(storage, &segment::index_key(name)).await {
            Some(blob) => index_blob::decode(&blob),
            None => None,
        };
        let Some(items) = index else {
            return self.problem(name, "has no index that can be read");
        };
        let mut blocks: HashMap<u16, Vec<u8>> = HashMap::new();
        for block in &keys.blocks {
            let blob = read(storage, &segment::block_key(name, *block)).await;
            blocks.insert(*block, blob.unwrap_or_default());
        }
        let dead = self.marks(storage, name, keys, &items).await;
        self.order(name, &items);
        for item in &items {
            if dead.contains(&item.spot) {
                self.dead += 1;
                continue;
            }
            let block = blocks.get(&item.spot.block).map(Vec::as_slice).unwrap_or_default();
            match agrees(item, block) {
                Ok(()) if self.events.insert(item.meta.id) => {}
                Ok(()) => self.twice += 1,
                Err(why) => self.problem(name, &format!("{}: {why}", item.meta.id)),
            }
        }
        let known: HashSet<Spot> = items.iter().map(|item| item.spot).collect();
        let blocks: Vec<(u16, Vec<u8>)> = blocks.into_iter().collect();
        let (whole, _) = segment::rebuild(&blocks);
        for stray in whole.iter().filter(|item| !known.contains(&item.spot)) {
            self.problem(name, &format!("{} has a record and is not in the index", stray.meta.id));
        }
    }

    async fn marks(&mut self, storage: &impl Storage, name: &str, keys: &Keys, items: &[Item]) -> HashSet<Spot> {
        let spots: HashSet<Spot> = items.iter().map(|item| item.spot).collect();
        let mut dead = HashSet::new();
        for key in &keys.marks {
            match read(storage, key).await.and_then(|blob| segment::decode_marks(&blob)) {
                Some(marks) => dead.extend(marks),
                None => self.problem(name, &format!("{key} cannot be read")),
            }
        }
        let nowhere = dead.difference(&spots).count();
        if nowhere > 0 {
            self.problem(name, &format!("{nowhere} marks are of no event"));
        }
        dead
    }

    /// The index is in its order, and the name says when its newest event is from.
    fn order(&mut self, name: &str, items: &[Item]) {
        if !items.is_sorted_by(|a, b| segment::order(&a.meta, &b.meta).is_lt()) {
            self.problem(name, "is not in order");
        }
        let newest = items.first().map(|item| item.meta.created_at);
        if newest != segment::newest(name) {
            self.problem(name, &format!("has its newest event at {newest:?}"));
        }
    }

    fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(format!("segment {name}: {what}"));
    }
}

async fn read(storage: &impl Storage, key: &str) -> Option<Vec<u8>> {
    storage.get(&[key.to_owned()]).await.ok()?.pop()?
}

/// Whether the record where `item` points is the event that it says.
fn agrees(item: &Item, block: &[u8]) -> Result<(), String> {
    let start = item.spot.offset as usize;
    let record = block.get(start..).unwrap_or_default();
    let event = record::decode(record).map_err(|error| error.to_string())?;
    if record::length(record) != Some(item.length as usize) {
        return Err("its record has another length".to_owned());
    }
    let mut meta = Meta::of(&event, item.meta.own);
    // Whether it was published here and where it was seen is known only from how it came.
    meta.seen.clone_from(&item.meta.seen);
    if meta != item.meta {
        return Err("its record says something else".to_owned());
    }
    event.into_raw().hash().map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use futures_util::future::FutureExt;

    use super::*;
    use crate::cache::storage::MemoryStorage;
    use crate::cache::testing::{World, event, note};

    fn walk_over(storage: &MemoryStorage) -> Walk {
        walk(storage).now_or_never().unwrap()
    }

    fn filled() -> MemoryStorage {
        let storage = MemoryStorage::default();
        let mut world = World::on(storage.another(), 1);
        for group in 0..3 {
            world.keep(&(0..50).map(|n| note(group * 50 + n)).collect::<Vec<_>>());
        }
        world.keep(&[event(1, 0, 1, &[], "old")]);
        world.keep(&[event(1, 0, 2, &[], "new")]);
        storage
    }

    #[test]
    fn a_whole_store_has_no_problem_and_each_sort_of_damage_is_one() {
        let walk = walk_over(&filled());
        assert_eq!((walk.problems, walk.events.len(), walk.twice), (vec![], 151, 0));
        assert!(walk.dead <= 1);
        type Damage = fn(&str, &mut Vec<u8>) -> bool;
        let damages: [(&str, Damage); 5] = [
            ("a byte of a record", |key, blob| {
                key.starts_with("d/") && flip(blob, 40)
            }),
            ("a byte of an index", |key, blob| {
                key.starts_with("i/") && flip(blob, 40)
            }),
            ("a block that is cut", |key, blob| key.starts_with("d/") && cut(blob)),
            ("an index of another segment", |key, blob| {
                key.starts_with("i/") && replace(blob, index_blob::encode(&[]))
            }),
            ("marks of nothing", |key, blob| {
                let nowhere = Spot { block: 9, offset: 9 };
                key.starts_with("x/") && replace(blob, segment::encode_marks([nowhere]))
            }),
        ];
        for (what, damage) in damages {
            let storage = filled();
            let mut hits = 0;
            storage.tamper(|blobs| {
                for (key, blob) in blobs.iter_mut() {
                    hits += usize::from(hits == 0 && damage(key, blob));
                }
                if what == "marks of nothing" && hits == 0 {
                    let name = blobs
                        .keys()
                        .find_map(|key| Some(key.strip_prefix("i/")?.to_owned()))
                        .unwrap();
                    let nowhere = Spot { block: 9, offset: 9 };
                    blobs.insert(segment::marks_key(&name, 1, 1), segment::encode_marks([nowhere]));
                }
            });
            assert!(!walk_over(&storage).problems.is_empty(), "{what}");
        }
    }

    fn flip(blob: &mut [u8], at: usize) -> bool {
        blob[at] ^= 1;
        true
    }

    fn cut(blob: &mut Vec<u8>) -> bool {
        blob.truncate(blob.len() - 3);
        true
    }

    fn replace(blob: &mut Vec<u8>, by: Vec<u8>) -> bool {
        *blob = by;
        true
    }
}
