//! Blocks that were read lately, within a bound of bytes; the longest unused goes first.

use crate::sorted::SortedMap;
use std::collections::HashMap;

/// Segment and block number.
pub type BlockId = (u32, u16);

#[derive(Default)]
pub struct BlockCache {
    blocks: HashMap<BlockId, (u64, Vec<u8>)>,
    /// By last use; each block once.
    order: SortedMap<u64, BlockId>,
    uses: u64,
    bytes: usize,
    limit_bytes: usize,
}

impl BlockCache {
    pub fn new(limit_bytes: usize) -> BlockCache {
        BlockCache {
            limit_bytes,
            ..BlockCache::default()
        }
    }

    pub fn get(&mut self, id: BlockId) -> Option<&[u8]> {
        let (used, bytes) = self.blocks.get_mut(&id)?;
        self.order.remove(used);
        self.uses += 1;
        *used = self.uses;
        self.order.insert(self.uses, id);
        Some(bytes)
    }

    /// Keeps `bytes`, and makes room for them.
    pub fn insert(&mut self, id: BlockId, bytes: Vec<u8>) {
        self.remove(id);
        self.uses += 1;
        self.bytes += bytes.len();
        self.order.insert(self.uses, id);
        self.blocks.insert(id, (self.uses, bytes));
        while self.bytes > self.limit_bytes {
            let Some((_, oldest)) = self.order.first_key_value() else {
                break;
            };
            self.remove(*oldest);
        }
    }

    pub fn remove(&mut self, id: BlockId) {
        if let Some((used, bytes)) = self.blocks.remove(&id) {
            self.order.remove(&used);
            self.bytes -= bytes.len();
        }
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_block_goes_first_and_the_bound_holds() {
        let mut cache = BlockCache::new(100);
        for block in 0..3 {
            cache.insert((0, block), vec![0; 40]);
            cache.get((0, 0));
        }
        assert!(cache.get((0, 0)).is_some() && cache.get((0, 2)).is_some());
        assert!(cache.get((0, 1)).is_none());
        cache.insert((0, 2), vec![0; 10]);
        assert_eq!(cache.bytes(), 50);
        cache.insert((1, 0), vec![0; 101]);
        assert_eq!(cache.bytes(), 0);
    }
}
